//! Everything goes wrong at once, and nothing is lost or paid twice.

use std::time::{Duration, Instant};

use embedlab::embed::{Client, ClientOptions, EmbedOptions, Waits, embed};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64;

use super::server::{Asked, DIMS, Reply, Server, vector};
use super::{options, quick, texts};

/// What goes wrong with a batch, the same in each run: up to four failures of any kind, then an answer.
fn trouble(asked: &Asked) -> Reply {
    let first = asked.texts.first().map(String::as_str).unwrap_or_default();
    let mut random = ChaCha8Rng::seed_from_u64(xxh3_64(first.as_bytes()).wrapping_add(asked.earlier as u64));
    if asked.earlier < 4 && random.gen_bool(0.6) {
        let date = |ahead: i64| {
            let time = std::time::SystemTime::now() + Duration::from_secs(ahead.unsigned_abs());
            httpdate::fmt_http_date(time)
        };
        return match random.gen_range(0..11) {
            0 => Reply::Status(429, vec![("retry-after", "0.004".into())], String::new()),
            1 => Reply::Status(429, vec![("retry-after", date(0))], "{}".into()),
            2 => Reply::status(429),
            3 => Reply::status(500),
            4 => Reply::Status(503, vec![("retry-after-ms", "3".into())], "<html>busy</html>".into()),
            5 => Reply::CutBefore,
            6 => Reply::CutWithin,
            // Answers that are paid for and of no use are not asked for six times.
            7 if asked.earlier < 2 => Reply::Short,
            8 if asked.earlier < 2 => Reply::Wrong,
            7..=9 => Reply::Html,
            _ => Reply::Body("{\"data\": [".into()),
        };
    }
    match random.gen_range(0..3) {
        0 => Reply::Shuffled,
        1 => Reply::Slow,
        _ => Reply::Right,
    }
}

#[test]
fn twenty_thousand_rows_come_through_in_order_and_no_budget_is_exceeded() {
    let server = Server::start(trouble);
    let texts = texts(20_000);
    let waits = Waits { minute: Duration::from_millis(400), ..quick() };
    let (requests, tokens) = (120.0, 400_000.0);
    let client = Client::new(ClientOptions {
        base_url: server.url.clone(),
        requests_per_minute: Some(requests),
        tokens_per_minute: Some(tokens),
        waits,
        ..Default::default()
    })
    .unwrap();
    let options = EmbedOptions { batch_size: 100, concurrency: 8, ..options() };
    let start = Instant::now();
    let found = embed(&texts, &options, &client, None, |_| {}).unwrap();
    assert!(found.failed.is_empty(), "{:?}", &found.failed[..found.failed.len().min(3)]);
    assert_eq!(found.vectors.dim(), (20_000, DIMS));
    for (row, (text, got)) in texts.iter().zip(found.vectors.rows()).enumerate() {
        assert_eq!(found.origins[row].row, row);
        assert_eq!(got.to_vec(), vector(text, DIMS), "row {row}");
    }
    let seen = server.seen();
    assert!(client.retries() > 100, "{}", client.retries());
    assert_eq!(seen.answered.len(), 20_000);
    assert!(seen.answered.values().all(|times| *times == 1));
    // Whatever the network delays, less can have arrived since the start than may have been sent.
    let mut arrived: Vec<(Instant, f64)> = seen
        .requests
        .iter()
        .map(|(at, asked)| (*at, asked.texts.iter().map(|text| text.len() as f64 / 5.0).sum()))
        .collect();
    arrived.sort_by_key(|(at, _)| *at);
    let mut sum = 0.0;
    for (n, (at, tokens_at_least)) in arrived.iter().enumerate() {
        let minutes = (at.duration_since(start).as_secs_f64() / waits.minute.as_secs_f64()).floor() + 1.0;
        sum += tokens_at_least;
        assert!((n + 1) as f64 <= requests * minutes, "{} requests in {minutes} minutes", n + 1);
        assert!(sum <= tokens * minutes, "{sum} tokens in {minutes} minutes");
    }
}

#[test]
fn no_request_is_sent_while_the_server_wants_to_be_left_alone() {
    let server = Server::start(|asked| {
        if asked.earlier == 0 && asked.texts[0].starts_with("review 0 ") {
            Reply::status(429)
        } else {
            Reply::Right
        }
    });
    let pause = Duration::from_millis(300);
    let client = super::client(&server.url, Waits { pause, ..quick() });
    let options = EmbedOptions { batch_size: 1, concurrency: 1, ..options() };
    embed(&texts(5), &options, &client, None, |_| {}).unwrap();
    let seen = server.seen();
    assert_eq!(seen.requests.len(), 6);
    let gap = seen.requests[1].0.duration_since(seen.requests[0].0);
    assert!(gap >= pause.mul_f64(0.95), "{gap:?}");
}
