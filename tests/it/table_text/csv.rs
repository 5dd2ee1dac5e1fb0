//! Comma- and tab-separated text.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use embedlab::table::{Encoding, Format, ReadOptions, Table, read_columns};

use super::{some, stored, texts, vectors};
use crate::support::read_both_ways as read;

#[test]
fn a_file_as_pandas_writes_it_is_a_table() {
    let file = stored(
        "a.csv",
        ",ProductId,Score,Text,embedding\n\
         0,00123,5,\"Good, \"\"really\"\"\nvery good\",\"[0.5, -1.0]\"\n\
         1,00124,,plain,\"[0.25, 2e-3]\"\n",
    );
    let table = file.read().unwrap();
    assert_eq!(vectors(&table), [[0.5, -1.0], [0.25, 0.002]]);
    assert_eq!(table.vector_column(), "embedding");
    assert_eq!(table.column_names(), ["index", "ProductId", "Score", "Text"]);
    assert_eq!(texts(&table, "ProductId"), some(&["00123", "00124"]));
    assert_eq!(table.numbers("Score").unwrap(), [Some(5.0), None]);
    assert_eq!(table.column("Score").unwrap().data_type(), &DataType::Int64);
    assert_eq!(texts(&table, "Text"), some(&["Good, \"really\"\nvery good", "plain"]));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_content() {
    let table = stored("a.csv", "\u{feff}id,v\r\n1,\"[1, 2]\"\r\n\r\n2,\"[3, 4]\"\r\n").read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(table.column("id").unwrap().as_primitive::<Int64Type>().values(), &[1, 2]);
}

#[test]
fn columns_get_the_narrowest_type() {
    let file =
        stored("a.csv", "b,i,f,t,e,v\nTrue,1,0.5,x,,\"[1,2]\"\n,,,,,\"[3,4]\"\nfalse,-3,7,1,,\"[5,6]\"\n");
    let table = file.read().unwrap();
    let types: Vec<_> =
        table.columns().schema().fields().iter().map(|field| field.data_type().clone()).collect();
    use DataType::{Boolean, Float64, Int64, Utf8};
    assert_eq!(types, [Boolean, Int64, Float64, Utf8, Utf8]);
    let floats: Vec<_> = table.column("f").unwrap().as_primitive::<Float64Type>().iter().collect();
    assert_eq!(floats, [Some(0.5), None, Some(7.0)]);
    assert_eq!(texts(&table, "t"), [Some("x".into()), None, Some("1".into())]);
}

#[test]
fn vectors_spread_over_columns_are_read_in_the_order_of_their_numbers() {
    let table = stored("a.csv", "id,e_1,e_0,e_2\na,2,1,3e0\nb,5,4,6\n").read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(table.column_names(), ["id"]);
    let table = stored("a.csv", ",0,1\n7,0.5,1\n8,2,3\n").read().unwrap();
    assert_eq!(vectors(&table), [[0.5, 1.0], [2.0, 3.0]]);
    assert_eq!(table.column_names(), ["index"]);
}

#[test]
fn the_delimiter_can_be_named() {
    let options = ReadOptions { delimiter: Some(b';'), ..Default::default() };
    let table = read(&stored("a.csv", "id;v\nx;[1, 2]\n").path, &options).unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0]]);
}

#[test]
fn a_ragged_vector_names_its_row() {
    let file = stored("a.csv", "t,embedding\n\"a\nb\",\"[1,2,3]\"\n\nc,\"[1,2]\"\n");
    assert_eq!(
        file.complaint(),
        "a.csv, row 1 (line 5), column embedding: a vector of different length: \
         2 numbers where 3 were expected; embed this row again or remove it"
    );
}

#[test]
fn what_is_no_number_names_its_row() {
    for (cell, seen) in [
        ("[1, NaN]", "`NaN` where a finite number was expected"),
        ("[1, inf]", "`inf` where a finite number was expected"),
        ("[1, oops]", "`oops` where a number was expected"),
        ("[1, 1e40]", "`1e40` is beyond the range"),
        ("[1, 2", "no closing bracket"),
        ("[1 ... 2]", "`...` in place of numbers"),
        ("", "no numbers"),
    ] {
        let second = stored("a.csv", format!("t,embedding\na,\"[1,2]\"\nb,\"{cell}\"\n")).complaint();
        assert!(second.starts_with("a.csv, row 1 (line 3), column embedding: no vector: "), "{second}");
        assert!(second.contains(seen), "{second}");
    }
    let first = stored("a.csv", "t,embedding\na,\"[NaN, 2]\"\n").complaint();
    assert!(first.contains("row 0 (line 2), column embedding") && first.contains("`NaN`"), "{first}");
    let spread = stored("a.csv", "e0,e1\n1,2\n3,x\n").complaint();
    assert!(spread.contains("row 1 (line 3), column e1: no vector: `x`"), "{spread}");
}

#[test]
fn a_check_may_read_what_is_not_finite() {
    let file = stored("a.csv", "t,embedding\na,\"[1, NaN]\"\nb,\"[inf, 2]\"\n");
    let options = ReadOptions { allow_non_finite: true, ..Default::default() };
    let table = read(&file.path, &options).unwrap();
    assert!(table.vectors()[[0, 1]].is_nan() && table.vectors()[[1, 0]].is_infinite());
}

#[test]
fn a_record_with_a_field_too_many_names_its_row() {
    let message = stored("a.csv", "t,v\na,\"[1,2]\"\nb,[1,2]\n").complaint();
    assert!(
        message.contains("row 1 (line 3): a record with a different number of fields: 3 where 2"),
        "{message}"
    );
}

#[test]
fn a_quote_that_is_not_closed_names_its_row_and_column() {
    let message = stored("a.csv", "t,v\na,\"[1,2]\"\n\"b,\"[1,2]\nc,d\n").complaint();
    assert!(message.contains("row 1 (line 3)"), "{message}");
    let message = stored("a.csv", "v,t\n\"[1,2]\",a\n\"[1,2]\",\"b\n").complaint();
    assert!(message.contains("row 1 (line 3), column t: a quote that is not closed"), "{message}");
}

#[test]
fn a_header_alone_has_no_rows() {
    let file = stored("a.csv", "t,embedding\n");
    assert!(file.complaint().contains("no rows"), "{}", file.complaint());
    let message = read_columns(&file.path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("no rows"), "{message}");
}

#[test]
fn two_columns_with_one_name_are_refused() {
    let message = stored("a.csv", "t,t,v\na,b,\"[1,2]\"\n").complaint();
    assert!(message.contains("column t: two columns with one name"), "{message}");
}

#[test]
fn latin_1_text_is_refused_with_advice_and_read_when_asked_for() {
    let file = stored("a.csv", b"t,v\nplain,\"[1,2]\"\ncaf\xe9 \x80,\"[3,4]\"\n");
    let message = file.complaint();
    assert!(message.contains("row 1 (line 3), column t: no UTF-8 text"), "{message}");
    assert!(message.contains("--encoding latin1"), "{message}");
    let options = ReadOptions { encoding: Encoding::Latin1, ..Default::default() };
    assert_eq!(texts(&read(&file.path, &options).unwrap(), "t"), some(&["plain", "café €"]));
}

#[test]
fn one_of_several_vector_columns_is_chosen_by_name() {
    let file = stored("a.csv", "a,b\n\"[1,2]\",\"[3,4,5]\"\n");
    let message = file.complaint();
    assert!(message.contains("several columns hold vectors: a, b"), "{message}");
    let options = ReadOptions { vector: Some("b".into()), ..Default::default() };
    let table = read(&file.path, &options).unwrap();
    assert_eq!(vectors(&table), [[3.0, 4.0, 5.0]]);
    assert_eq!(texts(&table, "a"), some(&["[1,2]"]));
}

#[test]
fn columns_can_be_read_without_vectors() {
    let batch = read_columns(&stored("a.csv", "t,n\nx,1\n\n").path, &ReadOptions::default()).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 2));
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads() {
    let mut content = String::from("t,embedding\n");
    for row in 0..6_000 {
        let vector: Vec<f64> = (0..40).map(|i| f64::sin((row * 41 + i) as f64)).collect();
        content.push_str(&format!("\"text\n{row}\",\"{vector:?}\"\n"));
    }
    let file = stored("a.csv", &content);
    let tables: Vec<Table> = [1, 2, 7]
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| file.read().unwrap())
        })
        .into();
    for table in &tables {
        assert_eq!(table.vectors(), tables[0].vectors());
        assert_eq!(table.columns(), tables[0].columns());
        assert_eq!(table.vectors()[[5_999, 39]], f64::sin((5_999 * 41 + 39) as f64) as f32);
        assert_eq!(texts(table, "t")[5_999].as_deref(), Some("text\n5999"));
    }
    let broken = content.replacen("\"text\n5000\",\"[", "\"text\n5000\",\"[0, ", 1);
    let message = stored("a.csv", broken).complaint();
    assert!(message.contains("row 5000 (line 10002), column embedding"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, "id,v\n1,\"[1,2]\"\n"))
    };
    let options = ReadOptions { format: Some(Format::Csv), ..Default::default() };
    assert_eq!(vectors(&read(&pipe, &options).unwrap()), [[1.0, 2.0]]);
    writer.join().unwrap().unwrap();
}
