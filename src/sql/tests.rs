//! The functions, through the engine, against plain loops and the cases that Spark documents.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float16Array, Float32Array, Float64Array, Int8Array,
    Int32Array, Int64Array, ListArray, ListViewArray, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::{Value, json};

use super::{query, register};

/// The one value of a query without tables.
#[track_caller]
fn value(expression: &str) -> Value {
    let found = query(&format!("select {expression} as x"), &Default::default());
    found.and_then(|found| found.rows()).unwrap_or_else(|error| panic!("{expression}: {error}"))[0]["x"]
        .clone()
}

#[track_caller]
fn code(expression: &str) -> (&'static str, String) {
    let error = query(&format!("select {expression} as x"), &Default::default()).unwrap_err();
    (error.code(), error.to_string())
}

#[test]
fn what_spark_documents_holds() {
    for (expression, expected) in [
        ("vector_cosine_similarity([1, 2, 3], [4, 5, 6])", json!(0.97463185)),
        ("vector_cosine_similarity([1.0, 0.0], [0.0, 1.0])", json!(0.0)),
        ("vector_cosine_similarity([1.0, 0.0, 0.0], [1.0, 0.0, 0.0])", json!(1.0)),
        ("vector_cosine_similarity([1.0, 2.0], [-1.0, -2.0])", json!(-1.0)),
        ("vector_cosine_similarity([0.0, 0.0], [1.0, 2.0])", json!(null)),
        ("vector_cosine_similarity([], [])", json!(null)),
        ("vector_inner_product([1, 2, 3], [4, 5, 6])", json!(32.0)),
        ("vector_inner_product([], [])", json!(0.0)),
        ("vector_l2_distance([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])", json!(5.196152)),
        ("vector_l2_distance([0.0, 0.0], [3.0, 4.0])", json!(5.0)),
        ("vector_l2_distance([], [])", json!(0.0)),
        ("vector_l1_distance([1, -2], [4, 2])", json!(7.0)),
        ("vector_linf_distance([1, -2], [4, 2])", json!(4.0)),
        ("vector_norm([3.0, 4.0])", json!(5.0)),
        ("vector_norm([3.0, 4.0], 2.0)", json!(5.0)),
        ("vector_norm([3.0, -4.0], 1)", json!(7.0)),
        ("vector_norm([3.0, -4.0], 'inf')", json!(4.0)),
        ("vector_norm([3.0, -4.0], cast('Infinity' as float))", json!(4.0)),
        ("vector_norm([])", json!(0.0)),
        ("vector_norm([3.0, 4.0], null)", json!(null)),
        ("vector_normalize([3.0, 4.0])", json!([0.6, 0.8])),
        ("vector_normalize([3.0, -5.0], 1)", json!([0.375, -0.625])),
        ("vector_normalize([2.0, -4.0], 'inf')", json!([0.5, -1.0])),
        ("vector_normalize([0.0, 0.0])", json!(null)),
        ("vector_normalize([])", json!([])),
        ("vector_norm(vector_normalize([1.0, 2.0, 3.0]))", json!(1.0)),
        ("vector_truncate([3.0, 4.0, 12.0], 2)", json!([0.6, 0.8])),
        ("vector_truncate([3.0, 4.0], 2)", json!([0.6, 0.8])),
        ("vector_truncate([0.0, 4.0], 1)", json!(null)),
        ("vector_truncate([3.0, 4.0], null)", json!(null)),
        ("kmeans_assign([0.9, 0.2], [[0.0, 0.0], [1.0, 0.0]])", json!(1)),
        ("kmeans_assign([0.5, 0.0], [[0.0, 0.0], [1.0, 0.0]])", json!(0)),
        ("kmeans_assign([0.5, 0.0], null)", json!(null)),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn null_and_a_null_in_a_vector_are_null() {
    for function in [
        "vector_cosine_similarity(X, [1.0, 2.0])",
        "vector_cosine_similarity([1.0, 2.0], X)",
        "vector_inner_product(X, [1.0, 2.0])",
        "vector_l1_distance(X, [1.0, 2.0])",
        "vector_l2_distance([1.0, 2.0], X)",
        "vector_linf_distance(X, X)",
        "vector_norm(X)",
        "vector_norm(X, 1)",
        "vector_normalize(X)",
        "vector_truncate(X, 1)",
        "kmeans_assign(X, [[0.0, 0.0], [1.0, 0.0]])",
    ] {
        for x in ["null", "[1.0, null]", "arrow_cast(null, 'List(Float32)')"] {
            assert_eq!(value(&function.replace('X', x)), json!(null), "{function} {x}");
        }
    }
}

#[test]
fn faults_are_named() {
    let (code_, said) = code("vector_l2_distance([1.0, 2.0], [1.0, 2.0, 3.0])");
    assert_eq!(code_, "vector-length");
    assert!(said.contains("2 numbers") && said.contains("3 in"), "{said}");
    // The lengths are compared before a NULL within a vector is looked at, as Spark does.
    assert_eq!(code("vector_inner_product([1.0, null], [1.0, 2.0, 3.0])").0, "vector-length");
    assert_eq!(code("vector_norm([1.0], 3)").0, "norm-degree");
    assert_eq!(code("vector_normalize([1.0], 0)").0, "norm-degree");
    for dims in ["0", "3", "-1"] {
        assert_eq!(code(&format!("vector_truncate([1.0, 2.0], {dims})")).0, "dimensions-differ");
    }
    let (code_, said) = code("vector_norm('a')");
    assert_eq!(code_, "sql-plan");
    assert!(said.contains("vector_norm takes vectors, which are lists of numbers, and not"), "{said}");
    assert_eq!(code("vector_norm()").0, "sql-plan");
    assert_eq!(code("vector_norm([1], 2, 3)").0, "sql-plan");
    assert_eq!(code("kmeans_assign([1.0], [[1.0, 2.0]])").0, "vector-length");
    assert_eq!(code("kmeans_assign([1.0], [1.0])").0, "sql-plan");
    assert_eq!(code("kmeans_assign([cast('nan' as double)], [[1.0]])").0, "not-finite");
    let (code_, said) = code("vector_mean([1.0])");
    assert_eq!(code_, "function-not-found");
    assert!(said.contains("did you mean vector_"), "{said}");
}

#[test]
fn nothing_overflows_on_the_way_and_what_is_no_number_stays_so() {
    let large = "[cast(3e38 as float), cast(3e38 as float)]";
    assert_eq!(value(&format!("vector_cosine_similarity({large}, {large})")), json!(1.0));
    assert_eq!(value(&format!("vector_norm({large}, 'inf')")), json!(3e38));
    // Beyond f32 the result is infinite, which JSON does not know.
    assert_eq!(value(&format!("vector_norm({large})")), json!(null));
    assert_eq!(value(&format!("vector_inner_product({large}, {large}) > 1e38")), json!(true));
    let tiny = "[cast(1e-40 as float), cast(0 as float)]";
    assert_eq!(value(&format!("vector_normalize({tiny})")), json!([1.0, 0.0]));
    let nan = "[cast('nan' as float), 1.0]";
    for function in ["vector_norm(X)", "vector_norm(X, 'inf')", "vector_linf_distance(X, [1.0, 1.0])"] {
        assert_eq!(value(&format!("isnan({})", function.replace('X', nan))), json!(true), "{function}");
    }
}

/// 300 rows of 7 numbers, some of them NULL, some with a NULL.
struct Rows {
    vectors: Vec<Option<Vec<Option<f32>>>>,
    groups: Vec<i32>,
}

fn rows() -> Rows {
    let number = |i: usize, j: usize| ((i * 31 + j * 17) % 101) as f32 / 64.0 - 0.75;
    let vector = |i: usize| -> Option<Vec<Option<f32>>> {
        (i % 11 != 3).then(|| (0..7).map(|j| (i % 13 != 5 || j != 2).then(|| number(i, j))).collect())
    };
    Rows { vectors: (0..300).map(vector).collect(), groups: (0..300).map(|i| i * i % 5).collect() }
}

impl Rows {
    fn whole(&self, row: usize) -> Option<Vec<f32>> {
        self.vectors[row].as_ref()?.iter().copied().collect()
    }

    /// As a list of `f32`, in which a NULL row has numbers behind it.
    fn list(&self) -> ListArray {
        let flat: Vec<Option<f32>> =
            self.vectors.iter().flat_map(|v| v.clone().unwrap_or(vec![Some(9.0); 7])).collect();
        let values: ArrayRef = Arc::new(Float32Array::from(flat));
        let nulls = NullBuffer::from(self.vectors.iter().map(Option::is_some).collect::<Vec<_>>());
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        ListArray::new(item, OffsetBuffer::from_lengths(vec![7; 300]), values, Some(nulls))
    }

    /// The vectors in every type that holds vectors.
    fn columns(&self) -> Vec<ArrayRef> {
        let list = self.list();
        let values = |to: DataType| cast(list.values(), &to).unwrap();
        let fixed = |values: ArrayRef| -> ArrayRef {
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Arc::new(FixedSizeListArray::new(item, 7, values, list.nulls().cloned()))
        };
        let item = |data_type| Arc::new(Field::new_list_field(data_type, true));
        let mut columns = vec![
            Arc::new(list.clone()) as ArrayRef,
            fixed(values(DataType::Float32)),
            fixed(values(DataType::Float64)),
            cast(&list, &DataType::LargeList(item(DataType::Float32))).unwrap(),
            cast(&list, &DataType::List(item(DataType::Float64))).unwrap(),
        ];
        // A slice begins within its buffers.
        let twice = arrow::compute::concat(&[&columns[0], &columns[0]]).unwrap();
        columns.push(twice.slice(300, 300));
        let twice = arrow::compute::concat(&[&columns[1], &columns[1]]).unwrap();
        columns.push(twice.slice(300, 300));
        columns.push(Arc::new(ListViewArray::from(list)));
        columns
    }
}

/// A session with a table `t` of groups `g` and vectors `v`, in some partitions of some batches.
fn session(vectors: &ArrayRef, groups: &[i32], partitions: usize, target: usize) -> SessionContext {
    let schema = Arc::new(Schema::new(vec![
        Field::new("g", DataType::Int32, true),
        Field::new("v", vectors.data_type().clone(), true),
    ]));
    let groups: ArrayRef = Arc::new(Int32Array::from(groups.to_vec()));
    let whole = RecordBatch::try_new(schema.clone(), vec![groups, vectors.clone()]).unwrap();
    let rows = whole.num_rows().div_ceil(partitions);
    let parts = (0..partitions).map(|part| {
        let first = (part * rows).min(whole.num_rows());
        let part = whole.slice(first, rows.min(whole.num_rows() - first));
        (0..part.num_rows()).step_by(37).map(|at| part.slice(at, 37.min(part.num_rows() - at))).collect()
    });
    let table = MemTable::try_new(schema, parts.collect()).unwrap();
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(target));
    register(&session);
    session.register_table("t", Arc::new(table)).unwrap();
    session
}

/// The rows of a query of a session, as one batch.
#[track_caller]
fn found(session: &SessionContext, sql: &str) -> RecordBatch {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let batches = runtime.block_on(async { session.sql(sql).await.unwrap().collect().await.unwrap() });
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// The bits of a column of lists of `f32`; `None` for NULL.
fn bits(column: &ArrayRef) -> Vec<Option<Vec<u32>>> {
    let lists = column.as_list::<i32>();
    let bits =
        |list: ArrayRef| list.as_primitive::<Float32Type>().values().iter().map(|x| x.to_bits()).collect();
    lists.iter().map(|list| list.map(bits)).collect()
}

#[test]
fn every_function_agrees_with_a_plain_loop_for_every_type() {
    let rows = rows();
    let other: Vec<f32> = (0..7).map(|j| j as f32 / 4.0 - 1.0).collect();
    let literal = format!("{other:?}");
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let differences = |a: &[f32]| -> Vec<f64> {
        a.iter().zip(&other).map(|(x, y)| (f64::from(*x) - f64::from(*y)).abs()).collect()
    };
    type Twin<'a> = Box<dyn Fn(&[f32]) -> f64 + 'a>;
    let twins: Vec<(String, Twin)> = vec![
        (
            format!("vector_cosine_similarity(v, {literal})"),
            Box::new(|v| dot(v, &other) / (dot(v, v) * dot(&other, &other)).sqrt()),
        ),
        (
            format!("vector_cosine_similarity({literal}, v)"),
            Box::new(|v| dot(v, &other) / (dot(v, v) * dot(&other, &other)).sqrt()),
        ),
        ("vector_cosine_similarity(v, v)".to_owned(), Box::new(|_| 1.0)),
        (format!("vector_inner_product(v, {literal})"), Box::new(|v| dot(v, &other))),
        ("vector_inner_product(v, v)".to_owned(), Box::new(|v| dot(v, v))),
        (format!("vector_l1_distance(v, {literal})"), Box::new(|v| differences(v).iter().sum())),
        (
            format!("vector_l2_distance(v, {literal})"),
            Box::new(|v| differences(v).iter().map(|x| x * x).sum::<f64>().sqrt()),
        ),
        (
            format!("vector_linf_distance(v, {literal})"),
            Box::new(|v| differences(v).into_iter().fold(0.0, f64::max)),
        ),
        ("vector_norm(v)".to_owned(), Box::new(|v| dot(v, v).sqrt())),
        ("vector_norm(v, 1)".to_owned(), Box::new(|v| v.iter().map(|x| f64::from(x.abs())).sum())),
        (
            "vector_norm(v, 'inf')".to_owned(),
            Box::new(|v| v.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max)),
        ),
        ("vector_normalize(v)[3]".to_owned(), Box::new(|v| f64::from(v[2]) / dot(v, v).sqrt())),
        ("vector_truncate(v, 3)[3]".to_owned(), Box::new(|v| f64::from(v[2]) / dot(&v[..3], &v[..3]).sqrt())),
    ];
    for column in rows.columns() {
        let session = session(&column, &rows.groups, 1, 1);
        for (function, twin) in &twins {
            let found = found(&session, &format!("select {function} as x from t"));
            assert_eq!(found.schema().field(0).data_type(), &DataType::Float32, "{function}");
            let found = found.column(0).as_primitive::<Float32Type>();
            for row in 0..300 {
                let expected = rows.whole(row).map(|v| twin(&v) as f32);
                let own = found.is_valid(row).then(|| found.value(row));
                let is_near = match (own, expected) {
                    (Some(own), Some(expected)) => (own - expected).abs() <= 1e-6 * expected.abs().max(1e-3),
                    (own, expected) => own.is_none() && expected.is_none(),
                };
                assert!(is_near, "{function} of {}, row {row}: {own:?} {expected:?}", column.data_type());
            }
        }
    }
}

#[test]
fn small_and_half_floats_and_integers_are_vectors() {
    let item = |data_type: &DataType| Arc::new(Field::new_list_field(data_type.clone(), true));
    let halves: ArrayRef =
        Arc::new(Float16Array::from(vec![half::f16::from_f32(3.0), half::f16::from_f32(4.0)]));
    let bytes: ArrayRef = Arc::new(Int8Array::from(vec![3, -4]));
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![-3, 4]));
    for values in [halves, bytes, wide] {
        let column: ArrayRef = Arc::new(FixedSizeListArray::new(item(values.data_type()), 2, values, None));
        let session = session(&column, &[1], 1, 1);
        let found = found(&session, "select vector_norm(v), vector_sum(v) from t group by v");
        assert_eq!(found.column(0).as_primitive::<Float32Type>().value(0), 5.0);
        assert_eq!(found.column(1).as_list::<i32>().value(0).len(), 2);
    }
}

#[test]
fn sums_and_means_agree_with_a_plain_loop_and_have_the_same_bits_in_any_order() {
    let rows = rows();
    let sql = "select g, vector_avg(v), vector_sum(v), count(*) from t group by g order by g";
    let mut first: Option<Vec<Option<Vec<u32>>>> = None;
    for column in rows.columns() {
        for (partitions, target) in [(1, 1), (1, 4), (3, 4), (7, 2)] {
            let session = session(&column, &rows.groups, partitions, target);
            let found = found(&session, sql);
            let groups = found.column(0).as_primitive::<Int32Type>();
            let (means, sums) = (bits(found.column(1)), bits(found.column(2)));
            for (at, group) in groups.values().iter().enumerate() {
                let own =
                    (0..300).filter(|row| rows.groups[*row] == *group).filter_map(|row| rows.whole(row));
                let own: Vec<Vec<f32>> = own.collect();
                for j in 0..7 {
                    // Multiples of 1/64: an f64 adds them up without rounding.
                    let sum: f64 = own.iter().map(|v| f64::from(v[j])).sum();
                    assert_eq!(sums[at].as_ref().unwrap()[j], (sum as f32).to_bits());
                    assert_eq!(means[at].as_ref().unwrap()[j], ((sum / own.len() as f64) as f32).to_bits());
                }
            }
            let all = [means, sums].concat();
            assert_eq!(first.get_or_insert(all.clone()), &all);
        }
    }
}

#[test]
fn numbers_of_all_sizes_have_the_same_bits_in_any_partition() {
    let number = |i: usize| f32::from_bits((i as u32).wrapping_mul(2_654_435_761) & 0xbfff_ffff);
    let values: ArrayRef = Arc::new(Float32Array::from((0..4000).map(number).collect::<Vec<_>>()));
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    let column: ArrayRef = Arc::new(FixedSizeListArray::new(item, 4, values, None));
    let groups: Vec<i32> = (0..1000).map(|i| i % 3).collect();
    let sql = "select vector_avg(v), vector_sum(v) from t";
    let grouped = "select vector_avg(v), vector_sum(v) from t group by g order by g";
    let step = "select kmeans_step(v, [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [-1.0, 0.5, 0.0, 1.0]]) as s from t";
    let run = |partitions, target| {
        let session = session(&column, &groups, partitions, target);
        let (one, each, step) = (found(&session, sql), found(&session, grouped), found(&session, step));
        let lists = [one.column(0), one.column(1), each.column(0), each.column(1)].map(bits);
        let step = step.column(0).as_struct();
        let sums = step.column(0).as_list::<i32>().value(0);
        let sums: Vec<u64> =
            sums.as_primitive::<Float64Type>().values().iter().map(|x| x.to_bits()).collect();
        let counts = step.column(1).as_list::<i32>().value(0);
        let counts = counts.as_primitive::<Int64Type>().values().to_vec();
        (lists, sums, counts, step.column(2).as_primitive::<Float64Type>().value(0).to_bits())
    };
    let one = run(1, 1);
    for (partitions, target) in [(2, 2), (7, 3), (5, 8)] {
        assert_eq!(run(partitions, target), one, "{partitions} {target}");
    }
}

#[test]
fn a_step_of_k_means_agrees_with_a_plain_loop() {
    let rows = rows();
    let centroids: Vec<Vec<f32>> =
        (0..12).map(|c| (0..7).map(|j| ((c * 13 + j * 5) % 17) as f32 / 16.0 - 0.5).collect()).collect();
    let square = |v: &[f32], c: &[f32]| -> f64 {
        v.iter().zip(c).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
    };
    let nearest = |v: &[f32]| -> usize {
        let mut best = (0, f64::INFINITY);
        for (c, centroid) in centroids.iter().enumerate() {
            let distance = square(v, centroid);
            if distance < best.1 {
                best = (c, distance);
            }
        }
        best.0
    };
    let (mut sums, mut counts, mut inertia) = (vec![0.0; 12 * 7], vec![0; 12], 0.0);
    for v in (0..300).filter_map(|row| rows.whole(row)) {
        let c = nearest(&v);
        counts[c] += 1;
        inertia += square(&v, &centroids[c]);
        (0..7).for_each(|j| sums[c * 7 + j] += f64::from(v[j]));
    }
    let bytes: String =
        centroids.iter().flatten().flat_map(|x| x.to_le_bytes()).map(|byte| format!("{byte:02x}")).collect();
    let lists = format!("{centroids:?}");
    for given in [lists.clone(), format!("X'{bytes}'"), format!("(select {lists})")] {
        for (partitions, target) in [(1, 1), (3, 4)] {
            let session = session(&rows.columns()[1], &rows.groups, partitions, target);
            let step = found(&session, &format!("select kmeans_step(v, {given}) as s from t"));
            let step = step.column(0).as_struct();
            let own = step.column(0).as_list::<i32>().value(0);
            assert_eq!(own.as_primitive::<Float64Type>().values().to_vec(), sums);
            let own = step.column(1).as_list::<i32>().value(0);
            assert_eq!(own.as_primitive::<Int64Type>().values().to_vec(), counts);
            assert!((step.column(2).as_primitive::<Float64Type>().value(0) / inertia - 1.0).abs() < 1e-12);
            let assigned = found(&session, &format!("select v, kmeans_assign(v, {given}) as c from t"));
            let clusters = assigned.column(1).as_primitive::<Int32Type>();
            if partitions == 1 {
                for row in 0..300 {
                    let expected = rows.whole(row).map(|v| nearest(&v) as i32);
                    assert_eq!(clusters.is_valid(row).then(|| clusters.value(row)), expected);
                }
            }
        }
    }
    // The parts of the struct by name, and groups.
    let session = session(&rows.columns()[0], &rows.groups, 2, 2);
    let by_group = format!("select g, kmeans_step(v, {lists})['inertia'] as i from t group by g");
    let total = found(&session, &format!("select sum(i) from ({by_group})"));
    assert!((total.column(0).as_primitive::<Float64Type>().value(0) / inertia - 1.0).abs() < 1e-12);
}

#[test]
fn constant_centroids_are_in_a_batch_once() {
    let session = session(&rows().columns()[1], &rows().groups, 1, 1);
    let sql = "explain select kmeans_step(v, [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]) from t";
    let plan = found(&session, sql);
    let plan: Vec<_> = plan.column(1).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert!(plan.iter().any(|plan| plan.contains("Dictionary(Int32")), "{plan:?}");
}

#[test]
fn groups_without_a_vector_are_null_and_empty_vectors_have_an_empty_mean() {
    for (values, expected) in [
        ("(null)", json!(null)),
        ("([1.0, null]), (null)", json!(null)),
        ("([1.0, 2.0]), ([1.0, null]), (null), ([2.0, 4.0])", json!([1.5, 3.0])),
        ("([]), ([])", json!([])),
        ("([cast('inf' as float), 1.0]), ([1.0, 1.0])", json!([null, 1.0])),
    ] {
        for function in ["vector_avg(x)", "vector_avg(x) filter (where x is null or true)"] {
            let own = value(&format!("(select {function} from (values {values}) as t(x))"));
            assert_eq!(own, expected, "{function} {values}");
        }
    }
    assert_eq!(value("(select vector_sum(x) from (values ([1.0])) as t(x) where false)"), json!(null));
    assert_eq!(
        value("(select kmeans_step(x, [[0.0]]) from (values ([1.0])) as t(x) where false)"),
        json!(null)
    );
}

#[test]
fn vectors_of_several_lengths_may_be_summed_in_groups_of_their_own() {
    let rows = "(values ('a', [1.0, 2.0]), ('b', [1.0]), ('a', [3.0, 4.0]), ('b', [5.0])) as t(k, x)";
    let found = query(
        &format!("select k, vector_sum(x) as s from {rows} group by k order by k"),
        &Default::default(),
    );
    let found = found.unwrap().rows().unwrap();
    assert_eq!([&found[0]["s"], &found[1]["s"]], [&json!([4.0, 6.0]), &json!([6.0])]);
    let error = query(&format!("select vector_sum(x) from {rows}"), &Default::default()).unwrap_err();
    assert_eq!(error.code(), "vector-length");
    assert!(error.to_string().contains("2 numbers") && error.to_string().contains("1 in"), "{error}");
    let distinct = "select vector_avg(distinct x), vector_sum(x) from (values ([1.0])) as t(x)";
    let error = query(distinct, &Default::default()).unwrap_err();
    assert!(error.to_string().contains("vector_avg has no DISTINCT"), "{error}");
}

#[test]
fn groups_of_a_sorted_column_are_given_away_early() {
    let values: ArrayRef = Arc::new(Float64Array::from((0..600).map(f64::from).collect::<Vec<_>>()));
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let column: ArrayRef = Arc::new(FixedSizeListArray::new(item, 2, values, None));
    let groups: Vec<i32> = (0..300).map(|row| row / 10).collect();
    let session = session(&column, &groups, 1, 1);
    let sql = "select g, vector_sum(v) as s from (select * from t order by g) group by g order by g";
    let found = found(&session, sql);
    for (group, sum) in bits(found.column(1)).into_iter().enumerate() {
        let expected =
            [0, 1].map(|j| (0..10).map(|i| ((group * 10 + i) * 2 + j) as f32).sum::<f32>().to_bits());
        assert_eq!(sum.unwrap(), expected);
    }
}

#[test]
fn group_means_of_the_sample_are_those_of_a_plain_loop() {
    let file = "examples/data/food_reviews.parquet";
    let table = crate::table::read(file.as_ref(), &Default::default()).unwrap();
    let kinds = table.labels("Kind").unwrap();
    let sql = format!(
        "select Kind, vector_avg(embedding) as mean, count(*) as n from '{file}' group by 1 order by 1"
    );
    let found = query(&sql, &Default::default()).unwrap();
    let means = crate::rows::group_means(&table.vectors(), &kinds.codes, kinds.names.len()).unwrap();
    let whole = arrow::compute::concat_batches(&found.schema, &found.batches).unwrap();
    assert_eq!(found.n_rows, kinds.names.len());
    for (row, name) in kinds.names.iter().enumerate() {
        let names = cast(whole.column(0), &DataType::Utf8).unwrap();
        assert_eq!(names.as_any().downcast_ref::<StringArray>().unwrap().value(row), name);
        assert_eq!(whole.column(2).as_primitive::<Int64Type>().value(row) as usize, means.counts[row]);
        let own = whole.column(1).as_list::<i32>().value(row);
        for (own, other) in own.as_primitive::<Float32Type>().values().iter().zip(means.means.row(row)) {
            assert!((own - other).abs() <= 1e-7, "{own} {other}");
        }
    }
}
