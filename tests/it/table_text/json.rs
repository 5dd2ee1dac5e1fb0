//! JSON lines, OpenAI responses and batches, JSON arrays.

use arrow::datatypes::DataType;
use embedlab::table::{ReadOptions, Table, read_columns};

use super::{some, stored, texts, vectors};
use crate::support::read_both_ways as read;

#[test]
fn one_object_a_line_is_a_row() {
    let file = stored(
        "a.jsonl",
        "{\"id\": \"00\", \"embedding\": [0.5, -1e-3], \"n\": 1, \"meta\": {\"a\": [1, \"]\"]}}\n\n\
         {\"n\": null, \"embedding\": [1, 2], \"id\": \"a \\\"b\\\" \\u00e9\\n\", \"late\": true}\n",
    );
    let table = file.read().unwrap();
    assert_eq!(vectors(&table), [[0.5, -0.001], [1.0, 2.0]]);
    assert_eq!(table.vector_column(), "embedding");
    assert_eq!(table.column_names(), ["id", "n", "meta", "late"]);
    assert_eq!(texts(&table, "id"), some(&["00", "a \"b\" é\n"]));
    assert_eq!(table.numbers("n").unwrap(), [Some(1.0), None]);
    assert_eq!(texts(&table, "meta"), [Some("{\"a\": [1, \"]\"]}".into()), None]);
    assert_eq!(table.column("late").unwrap().data_type(), &DataType::Boolean);
}

#[test]
fn a_vector_in_a_string_is_read_as_pandas_writes_it() {
    let file = stored("a.jsonl", "{\"t\":\"x\",\"embedding\":\"[0.5, 1.0]\"}\n");
    assert_eq!(vectors(&file.read().unwrap()), [[0.5, 1.0]]);
}

#[test]
fn a_faulty_vector_names_its_line() {
    let complaint = |line: &str| {
        stored("a.jsonl", format!("{{\"t\":1,\"embedding\":[1,2]}}\n\n{line}\n{{\"embedding\":[1,2]}}\n"))
            .complaint()
    };
    for (line, seen) in [
        ("{\"embedding\": [1, 2, 3]}", "3 numbers where 2 were expected"),
        ("{\"embedding\": [1, NaN]}", "`NaN` where a finite number was expected"),
        ("{\"embedding\": [1, null]}", "`null` where a number was expected"),
        ("{\"embedding\": null}", "no numbers"),
        ("{\"t\": 2}", "no numbers"),
    ] {
        let message = complaint(line);
        assert!(message.starts_with("a.jsonl, row 1 (line 3), column embedding: "), "{message}");
        assert!(message.contains(seen), "{message}");
    }
    for (line, seen) in [
        ("{\"t\": 2", "invalid JSON: it ends too early"),
        ("{\"t\": 1, \"t\": 2, \"embedding\": [1,2]}", "column t: duplicate key"),
        ("{\"t\": oops, \"embedding\": [1,2]}", "column t: invalid JSON: `oops`"),
    ] {
        let message = complaint(line);
        assert!(message.starts_with("a.jsonl, row 1 (line 3)") && message.contains(seen), "{message}");
    }
}

#[test]
fn a_check_may_read_what_is_not_finite() {
    let file = stored("a.jsonl", "{\"embedding\": [1, NaN]}\n{\"embedding\": [-Infinity, 2]}\n");
    let options = ReadOptions { allow_non_finite: true, ..Default::default() };
    assert!(read(&file.path, &options).unwrap().vectors()[[0, 1]].is_nan());
}

#[test]
fn a_document_that_is_called_jsonl_is_read() {
    let table = stored("a.jsonl", "[\n  {\"embedding\": [1, 2]}\n]\n").read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0]]);
}

#[test]
fn several_vectors_are_chosen_by_name() {
    let file = stored("a.jsonl", "{\"a\": [1,2], \"b\": [3,4]}\n");
    assert!(file.complaint().contains("several columns hold vectors: a, b"));
    let options = ReadOptions { vector: Some("b".into()), ..Default::default() };
    assert_eq!(vectors(&read(&file.path, &options).unwrap()), [[3.0, 4.0]]);
}

#[test]
fn columns_can_be_read_without_vectors() {
    let file = stored("a.jsonl", "{\"t\": \"x\"}\n{\"u\": 1}\n");
    let batch = read_columns(&file.path, &ReadOptions::default()).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 2));
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads() {
    let mut content = String::new();
    for row in 0..6_000 {
        let vector: Vec<f64> = (0..40).map(|i| f64::sin((row * 41 + i) as f64)).collect();
        let late = if row > 3_000 { ",\"late\":1" } else { "" };
        content.push_str(&format!("{{\"row\":{row},\"embedding\":{vector:?}{late}}}\n"));
    }
    let file = stored("a.jsonl", &content);
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
        let late = table.numbers("late").unwrap();
        assert_eq!((late.len(), late[3_000], late[3_001]), (6_000, None, Some(1.0)));
    }
    let broken = content.replacen("{\"row\":5000,\"embedding\":[", "{\"row\":5000,\"embedding\":[0,", 1);
    let message = stored("a.jsonl", broken).complaint();
    assert!(message.contains("row 5000 (line 5001), column embedding"), "{message}");
}

const BATCH: [&str; 2] = [
    r#"{"id":"b1","custom_id":"row-1","response":{"status_code":200,"request_id":"r","body":{"object":"list","data":[{"object":"embedding","index":1,"embedding":[3,4]},{"object":"embedding","index":0,"embedding":[1,2]}],"model":"m","usage":{"prompt_tokens":8}}},"error":null}"#,
    // The base64 of 0.5 and -1 as little-endian f32.
    r#"{"id":"b2","custom_id":"row-0","response":{"status_code":200,"body":{"data":[{"index":0,"embedding":"AAAAPwAAgL8="}],"model":"m"}},"error":null}"#,
];

#[test]
fn the_output_of_a_batch_is_recognised() {
    let table = stored("batch.jsonl", BATCH.join("\n")).read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0], [3.0, 4.0], [0.5, -1.0]]);
    assert_eq!(table.column_names(), ["custom_id", "model", "index"]);
    assert_eq!(texts(&table, "custom_id"), some(&["row-1", "row-1", "row-0"]));
    assert_eq!(table.numbers("index").unwrap(), [Some(0.0), Some(1.0), Some(0.0)]);
}

#[test]
fn a_failed_request_of_a_batch_names_its_line() {
    for failed in [
        r#"{"custom_id":"row-7","response":null,"error":{"code":"batch_expired","message":"too late"}}"#,
        r#"{"custom_id":"row-7","response":{"status_code":429,"body":{"error":{"message":"too late"}}},"error":null}"#,
    ] {
        for lines in [[BATCH[0], failed], [failed, BATCH[0]]] {
            let message = stored("batch.jsonl", lines.join("\n")).complaint();
            let line = 1 + lines.iter().position(|line| *line == failed).unwrap();
            assert!(message.contains(&format!("(line {line}): a request of the batch failed")), "{message}");
            assert!(message.contains("row-7") && message.contains("too late"), "{message}");
        }
    }
}

#[test]
fn a_response_gives_its_vectors_in_the_order_of_its_inputs() {
    let response = r#"{"object": "list", "model": "m", "usage": {}, "data": [
        {"object": "embedding", "index": 1, "embedding": [3, 4]},
        {"object": "embedding", "index": 0, "embedding": [1, 2]}]}"#;
    let table = stored("r.json", response).read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(texts(&table, "model"), some(&["m", "m"]));
    let table = stored("r.json", format!("[{response}, {response}]")).read().unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]);
}

#[test]
fn broken_base64_is_refused() {
    for (text, seen) in [("AAAAPwA=", "5 bytes"), ("!", "`!`"), ("AADAfwAAgL8=", "`NaN`")] {
        let good = r#"{"index": 0, "embedding": "AAAAPwAAgL8="}"#;
        let bad = format!("{{\"index\": 1, \"embedding\": \"{text}\"}}");
        let message = stored("r.json", format!("{{\"data\": [{good}, {bad}]}}")).complaint();
        assert!(message.contains("row 1") && message.contains(seen), "{message}");
    }
}

#[test]
fn an_array_of_objects_or_of_vectors_is_a_table() {
    let table = stored("a.json", "[\n {\"t\": \"x\", \"v\": [1, 2]},\n {\"t\": \"y\", \"v\": [3, 4]}\n]")
        .read()
        .unwrap();
    assert_eq!(vectors(&table), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(texts(&table, "t"), some(&["x", "y"]));
    assert_eq!(vectors(&stored("a.json", "[[1, 2], [3, 4]]").read().unwrap()), [[1.0, 2.0], [3.0, 4.0]]);
    let message = stored("a.json", "[\n {\"v\": [1, 2]},\n {\"v\": [3]}\n]").complaint();
    assert!(message.contains("row 1 (line 3), column v: a vector of different length"), "{message}");
}

#[test]
fn other_documents_are_refused() {
    for (text, seen) in [
        ("{\"error\": {\"message\": \"no key\"}}", "error"),
        ("[]", "no rows"),
        ("12", "an array that holds no rows"),
        ("[{\"v\": [1, 2]}", "it ends too early"),
    ] {
        let message = stored("a.json", text).complaint();
        assert!(message.contains(seen), "{message}");
    }
}
