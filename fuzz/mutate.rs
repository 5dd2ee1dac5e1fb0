//! Mutates small valid files of every format and every kind of saved thing, and reads them.
//!
//! ```text
//! fuzz/run [N]
//! cargo test --release --test mutate -- [--inputs N] [--from SEED] [--only NAME] [--workers N] [--keep DIR]
//! ```
//!
//! No input may panic, take over two seconds, or take over 4 times its size + 64 MB of memory. Each input is made
//! of a number alone, so that a finding can be repeated: `--from SEED --inputs 1`. The readers run in child
//! processes, since a stack that overflows and memory that runs out end a process; the parent goes on behind the
//! input that did it. Stable Rust, no other tool. Without arguments, as under `cargo test --tests`, it runs a
//! few hundred inputs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use embedlab::analysis::{mteb::ScoreTable, read_graph};
use embedlab::calibration::Calibration;
use embedlab::cluster::KMeans;
use embedlab::embed::{Cache, CacheKey, Embedder, LocalModel, Lsa, Models};
use embedlab::map::SavedMap;
use embedlab::model::{SavedModel, Task};
use embedlab::ndarray::Array2;
use embedlab::rows::DistinctRows;
use embedlab::search::{Filter, Hnsw, IndexFile};
use embedlab::table::{self, Format, ReadOptions, WriteOptions};
use embedlab::transform::LinearMap;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Counts what is allocated, and the most there was at once.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// More than this no input may ask for: memory is refused, as under a limit, and the process ends.
const REFUSED: usize = 3 << 30;

// SAFETY: every call is handed to the system's allocator unchanged; only sizes are counted.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        if layout.size() > REFUSED || now > REFUSED {
            NOW.fetch_sub(layout.size(), Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The time that one input may take.
const LONGEST: Duration = Duration::from_secs(2);

/// The memory that one input may take beside four times its size.
const FREE_MEMORY: usize = 64 << 20;

/// A valid thing: its bytes, and how it is read.
struct Seed {
    name: &'static str,
    /// The name of the file.
    file: &'static str,
    bytes: Vec<u8>,
    read: Reader,
}

#[derive(Clone, Copy)]
enum Reader {
    Table,
    Model,
    Centroids,
    Lexical,
    Index,
    Map,
    Cache,
    /// One file of a model's folder.
    LocalModel,
    /// The index of a folder of MTEB's cache.
    MtebIndex,
    LinearMap,
    Calibration,
    Graph,
    /// A result of an MTEB task, in a folder of them.
    Scores,
    ListOfModels,
    Filter,
}

const ROWS: usize = 24;
const DIMS: usize = 6;

fn vectors() -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    Array2::from_shape_simple_fn((ROWS, DIMS), || random.gen_range(-1.0..1.0))
}

fn run(arguments: &[&str], folder: &Path) {
    let done =
        Command::new(env!("CARGO_BIN_EXE_embedlab")).args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Writes one valid file of each kind.
fn seeds(folder: &Path) -> Vec<Seed> {
    let mut csv = String::from("id,when,Kind,Score,text,embedding\n");
    for (row, vector) in vectors().rows().into_iter().enumerate() {
        let kind = ["tea", "cake", "dog food"][row % 3];
        csv += &format!(
            "{row},2024-01-{:02},{kind},{}.5,good {kind} number {row},\"{:?}\"\n",
            row + 1,
            row % 5,
            vector.to_vec()
        );
    }
    std::fs::write(folder.join("a.csv"), csv).unwrap();
    let table = table::read(&folder.join("a.csv"), &ReadOptions::default()).unwrap();
    let mut seeds = Vec::new();
    let mut add = |name, file: &'static str, read| {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        seeds.push(Seed { name, file, bytes, read });
    };
    for (name, file, format) in [
        ("csv", "b.csv", Format::Csv),
        ("tsv", "b.tsv", Format::Tsv),
        ("jsonl", "b.jsonl", Format::JsonLines),
        ("parquet", "b.parquet", Format::Parquet),
        ("arrow", "b.arrow", Format::ArrowIpc),
        ("npy", "b.npy", Format::Npy),
        ("npz", "b.npz", Format::Npz),
        ("safetensors", "b.safetensors", Format::Safetensors),
    ] {
        let options = WriteOptions { format: Some(format), ..Default::default() };
        let _ = table::write(&table, &folder.join(file), &options).unwrap();
        add(name, file, Reader::Table);
    }
    let item = |n: usize| format!(r#"{{"object":"embedding","index":{n},"embedding":[0.1,-2e-3,{n}]}}"#);
    let list = format!(
        r#"{{"object":"list","data":[{},{}],"model":"m","usage":{{"total_tokens":3}}}}"#,
        item(0),
        item(1)
    );
    std::fs::write(folder.join("openai.json"), &list).unwrap();
    add("json response", "openai.json", Reader::Table);
    std::fs::write(
        folder.join("array.json"),
        r#"[{"a":1,"embedding":[0.1,2]},{"a":null,"embedding":[1,-0.0]}]"#,
    )
    .unwrap();
    add("json array", "array.json", Reader::Table);
    let line = |id: &str| {
        format!(r#"{{"custom_id":"{id}","response":{{"status_code":200,"body":{list}}},"error":null}}"#)
    };
    std::fs::write(folder.join("batch.jsonl"), format!("{}\n{}\n", line("a"), line("b"))).unwrap();
    add("batch answer", "batch.jsonl", Reader::Table);
    let csv = std::fs::read(folder.join("b.csv")).unwrap();
    std::fs::write(folder.join("packed.csv.zst"), zstd::encode_all(&csv[..], 1).unwrap()).unwrap();
    add("csv in zstd", "packed.csv.zst", Reader::Table);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&csv).unwrap();
    std::fs::write(folder.join("packed.csv.gz"), gzip.finish().unwrap()).unwrap();
    add("csv in gzip", "packed.csv.gz", Reader::Table);
    let words: String = vectors()
        .rows()
        .into_iter()
        .enumerate()
        .map(|(row, vector)| {
            let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
            format!("word{row} {}\n", numbers.join(" "))
        })
        .collect();
    std::fs::write(folder.join("words.vec"), format!("{ROWS} {DIMS}\n{words}")).unwrap();
    add("word vectors", "words.vec", Reader::Table);
    let bytes: Vec<u8> = vectors().iter().flat_map(|number| number.to_le_bytes()).collect();
    std::fs::write(folder.join("vectors.npy"), bytes).unwrap();
    std::fs::write(folder.join("dimension"), DIMS.to_string()).unwrap();
    let rows: Vec<String> = (0..ROWS).map(|row| format!(r#""{row:064x}": {row}"#)).collect();
    std::fs::write(folder.join("index.json"), format!("{{{}}}", rows.join(", "))).unwrap();
    add("index of mteb's cache", "index.json", Reader::MtebIndex);
    run(&["align", "a.csv", "a.csv", "-o", "map.safetensors", "-q"], folder);
    add("linear map", "map.safetensors", Reader::LinearMap);
    run(&["calibrate", "a.csv", "--same", "Kind", "-o", "calibration.json", "-q"], folder);
    add("calibration", "calibration.json", Reader::Calibration);
    run(&["knn", "a.csv", "-k", "3", "-o", "graph.arrow", "-q"], folder);
    add("graph", "graph.arrow", Reader::Graph);
    run(
        &[
            "mteb",
            "clustering",
            "a.csv",
            "--label",
            "Kind",
            "--max-fraction",
            "1",
            "--results",
            "scores",
            "-q",
        ],
        folder,
    );
    let result = std::fs::read_dir(folder.join("scores")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(result, folder.join("score.json")).unwrap();
    add("score", "score.json", Reader::Scores);
    for (model, file) in [
        ("forest", "forest.safetensors"),
        ("boost", "boost.safetensors"),
        ("logistic", "logistic.safetensors"),
        ("tree", "tree.safetensors"),
        ("knn", "knn.safetensors"),
    ] {
        run(
            &["train", "a.csv", "--label", "Kind", "--task", "classify", "--model", model, "-o", file, "-q"],
            folder,
        );
        add(model, file, Reader::Model);
    }
    for (model, file) in
        [("forest", "forest2.safetensors"), ("boost", "boost2.safetensors"), ("ridge", "ridge.safetensors")]
    {
        run(
            &["train", "a.csv", "--label", "Score", "--task", "regress", "--model", model, "-o", file, "-q"],
            folder,
        );
        add(model, file, Reader::Model);
    }
    run(&["cluster", "a.csv", "--k", "3", "--save", "k.safetensors", "-q"], folder);
    add("k-means", "k.safetensors", Reader::Centroids);
    run(&["embed", "a.csv", "--model", "lsa", "--dims", "4", "--replace", "-o", "e.csv", "-q"], folder);
    add("lsa", "e.lsa.safetensors", Reader::Lexical);
    run(&["map", "a.csv", "--perplexity", "5", "-o", "map.parquet", "-q"], folder);
    add("map", "map.parquet", Reader::Map);
    let index = Hnsw::build(vectors().view(), &Default::default()).unwrap();
    let source = folder.join("a.csv");
    IndexFile::save(&folder.join("i.hnsw"), &index, vectors().view(), &source, "embedding", None).unwrap();
    add("index", "i.hnsw", Reader::Index);
    let models =
        Command::new(env!("CARGO_BIN_EXE_embedlab")).args(["embed", "models", "--json"]).output().unwrap();
    std::fs::write(folder.join("models.json"), models.stdout).unwrap();
    add("list of models", "models.json", Reader::ListOfModels);
    std::fs::write(
        folder.join("filter.txt"),
        "Score >= 2 and (Kind = 'tea' or not Kind like 'c%') and text is not null",
    )
    .unwrap();
    add("filter", "filter.txt", Reader::Filter);
    {
        let cache = Cache::open(folder, SERVER, "model").unwrap();
        let rows = vectors();
        let pairs: Vec<(CacheKey, &[f32])> =
            rows.rows().into_iter().map(|row| (key(row[0]), row.to_slice().unwrap())).collect();
        cache.put(&pairs).unwrap();
    }
    std::fs::rename(Cache::file(folder, SERVER, "model"), folder.join("cache.redb")).unwrap();
    add("cache", "cache.redb", Reader::Cache);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/local_model");
    for (name, file) in [
        ("model's config", "config.json"),
        ("model's weights", "model.safetensors"),
        ("model's tokenizer", "tokenizer.json"),
        ("model's words", "vocab.txt"),
        ("model's settings", "sentence_bert_config.json"),
    ] {
        if let Ok(bytes) = std::fs::read(model.join(file)) {
            std::fs::write(folder.join(file), &bytes).unwrap();
            add(name, file, Reader::LocalModel);
        }
    }
    seeds
}

const SERVER: &str = "http://localhost/v1";

fn key(number: f32) -> CacheKey {
    CacheKey::new(&number.to_string(), None)
}

/// Reads an input and uses what came of it; errors are as good as answers.
fn read(seed: &Seed, path: &Path, folder: &Path) {
    let rows = vectors();
    match seed.read {
        Reader::Table => {
            if let Ok(table) = table::read(path, &ReadOptions::default()) {
                let _ = table::check(table.vectors());
                for name in table.column_names().into_iter().take(8) {
                    let _ = (table.text(name), table.numbers(name), table.labels(name));
                }
            }
            let _ = table::read_columns(path, &ReadOptions::default());
            if let Ok(rows) = table::stream(path, &ReadOptions::default()) {
                let _ = table::check_rows(&*rows);
            }
        }
        Reader::Model => {
            let Ok(model) = SavedModel::load(path) else { return };
            let Ok(features) = model.features(rows.view(), &[]) else { return };
            match &model.task {
                Task::Regress(model) => drop(model.predict(features.view())),
                Task::Classify { model, names } => {
                    drop(model.predict_probabilities(features.view(), names.len()));
                    drop(model.predict(features.view()));
                }
            }
        }
        Reader::Centroids => {
            if let Ok(model) = KMeans::load(path) {
                let _ = (model.predict_rows(&rows), model.sizes());
            }
        }
        Reader::Lexical => {
            if let Ok(model) = Lsa::load(path) {
                let _ = model.embed(&["good tea".to_owned(), String::new()]);
            }
        }
        Reader::Index => {
            if let Ok(index) = IndexFile::open(path) {
                let _ = index.search(rows.row(0), 5, 32);
            }
        }
        Reader::Map => {
            if let Ok(map) = SavedMap::read(path) {
                let _ = map.place(&rows, None, 1);
            }
        }
        Reader::Cache => {
            let place = Cache::file(&folder.join("cache"), SERVER, "model");
            std::fs::create_dir_all(folder.join("cache")).unwrap();
            std::fs::rename(path, &place).unwrap();
            if let Ok(cache) = Cache::open(&folder.join("cache"), SERVER, "model") {
                let _ = cache.get(&[key(rows[[0, 0]]), key(0.5)]);
                let _ = cache.put(&[(key(0.25), &[1.0, 2.0])]);
            }
        }
        Reader::LocalModel => {
            if let Ok(model) = LocalModel::open(folder) {
                let _ = model.embed(&["good tea and more".to_owned(), String::new()]);
            }
        }
        Reader::MtebIndex => {
            let options = ReadOptions { format: Some(Format::MtebCache), ..Default::default() };
            let _ = table::read(folder, &options);
        }
        Reader::LinearMap => {
            if let Ok(map) = LinearMap::load(path) {
                let _ = map.apply(rows.view());
            }
        }
        Reader::Calibration => {
            if let Ok(calibration) = Calibration::load(path) {
                let _ = (calibration.probability(0.5), calibration.require_dims(DIMS));
            }
        }
        Reader::Graph => {
            if let Ok(distinct) = DistinctRows::of(&rows) {
                let _ = read_graph(path, rows.view(), &distinct);
            }
        }
        Reader::Scores => {
            let scores = folder.join("scores");
            std::fs::create_dir_all(&scores).unwrap();
            std::fs::copy(path, scores.join("score.json")).unwrap();
            let _ = ScoreTable::read(&[scores]).map(|found| found.view());
        }
        Reader::ListOfModels => {
            let mut models = Models::default();
            let _ = models.add_file(path);
        }
        Reader::Filter => {
            let Ok(text) = std::fs::read_to_string(path) else { return };
            let _ = Filter::parse(&text);
        }
    }
}

/// Numbers that break things.
const NUMBERS: [&[u8]; 12] = [
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"18446744073709551615",
    b"4294967295",
    b"99999999999",
    b"0.5",
    b"-0",
    b"null",
    b"\"\"",
    b"[]",
];

/// The input of a number: which seed, and what was changed.
fn mutated(seeds: &[Seed], number: u64, only: Option<&str>) -> (usize, Vec<u8>) {
    let mut random = ChaCha8Rng::seed_from_u64(number);
    let chosen: Vec<usize> =
        (0..seeds.len()).filter(|at| only.is_none_or(|only| seeds[*at].name == only)).collect();
    let which = chosen[random.gen_range(0..chosen.len())];
    let mut bytes = seeds[which].bytes.clone();
    for _ in 0..1 << random.gen_range(0..4) {
        mutate(&mut bytes, &mut random, seeds);
    }
    (which, bytes)
}

fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng, seeds: &[Seed]) {
    let n = bytes.len();
    if n == 0 {
        bytes.push(random.r#gen());
        return;
    }
    // Heads and tails say the most.
    let at = match random.gen_range(0..4) {
        0 => random.gen_range(0..n.min(256)),
        1 => n - 1 - random.gen_range(0..n.min(256)),
        _ => random.gen_range(0..n),
    };
    let length = random.gen_range(1..=32.min(n - at));
    match random.gen_range(0..11) {
        0 => bytes[at] ^= 1 << random.gen_range(0..8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n'][random.gen_range(0..8)],
        2 => bytes[at] = random.r#gen(),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let piece = bytes[at..at + length].to_vec();
            let times = [1, 2, 100, 2000][random.gen_range(0..4)];
            let piece = piece.repeat(times);
            bytes.splice(at..at, piece);
        }
        6 => {
            let value: u64 =
                [0, 1, u64::MAX, 1 << 31, 1 << 32, i64::MAX as u64, random.r#gen()][random.gen_range(0..7)];
            let width = [1, 2, 4, 8][random.gen_range(0..4)].min(n - at);
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        7 => {
            // A number in text becomes another.
            if let Some(start) = (at..n).find(|at| bytes[*at].is_ascii_digit()) {
                let end = (start..n).find(|at| !bytes[*at].is_ascii_digit()).unwrap_or(n);
                bytes.splice(start..end, NUMBERS[random.gen_range(0..NUMBERS.len())].to_vec());
            }
        }
        8 => {
            let other = &seeds[random.gen_range(0..seeds.len())].bytes;
            let from = random.gen_range(0..other.len());
            let piece = other[from..(from + length).min(other.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        9 => {
            let deep = [b"[".as_slice(), b"{\"a\":", b"(", b"\"", b" or a=1"][random.gen_range(0..5)];
            bytes.splice(at..at, deep.repeat(random.gen_range(1..3000)));
        }
        _ => bytes.swap(at, random.gen_range(0..n)),
    }
}

/// One child: reads the inputs `from..to` and says what each did.
fn child(folder: &Path, from: u64, to: u64, only: Option<&str>) {
    let seeds = load_seeds(folder);
    let own = tempfile::tempdir().unwrap();
    embedlab::hide_caught_panics();
    let other = std::panic::take_hook();
    let message = Arc::new(Mutex::new(String::new()));
    let kept = message.clone();
    std::panic::set_hook(Box::new(move |panic| *kept.lock().unwrap() = panic.to_string().replace('\n', " ")));
    for file in
        ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "sentence_bert_config.json"]
            .into_iter()
            .chain(["vectors.npy", "dimension", "index.json"])
    {
        let _ = std::fs::copy(folder.join(file), own.path().join(file));
    }
    // What is set up once is no input's: the matrix product, for one, reserves half a gigabyte and touches little.
    for seed in &seeds {
        let path = own.path().join(seed.file);
        std::fs::write(&path, &seed.bytes).unwrap();
        read(seed, &path, own.path());
        if !matches!(seed.read, Reader::LocalModel | Reader::MtebIndex) {
            let _ = std::fs::remove_file(&path);
        }
    }
    for number in from..to {
        println!("{number}");
        let (which, bytes) = mutated(&seeds, number, only);
        let seed = &seeds[which];
        let path = own.path().join(seed.file);
        let before = std::fs::read(&path).ok();
        std::fs::write(&path, &bytes).unwrap();
        let size = bytes.len();
        drop(bytes);
        let held = NOW.load(Ordering::Relaxed);
        MOST.store(held, Ordering::Relaxed);
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| read(seed, &path, own.path())));
        let (took, most) = (start.elapsed(), MOST.load(Ordering::Relaxed) - held);
        match before {
            Some(before) => std::fs::write(&path, before).unwrap(),
            None => drop(std::fs::remove_file(&path)),
        }
        let name = seed.name;
        if result.is_err() {
            println!("{number} panic {name}: {}", message.lock().unwrap());
        }
        if took > LONGEST {
            println!("{number} slow {name}: {:.1} s for {size} bytes", took.as_secs_f64());
        }
        if most > 4 * size + FREE_MEMORY {
            println!("{number} memory {name}: {} MB for {size} bytes", most >> 20);
        }
    }
    drop(std::panic::take_hook());
    std::panic::set_hook(other);
}

fn load_seeds(folder: &Path) -> Vec<Seed> {
    let list = std::fs::read_to_string(folder.join("seeds.txt")).unwrap();
    let kinds = kinds();
    list.lines()
        .map(|line| {
            let (name, file) = line.split_once('\t').unwrap();
            let (name, file): (&'static str, &'static str) = (name.to_owned().leak(), file.to_owned().leak());
            let bytes = std::fs::read(folder.join(file)).unwrap();
            Seed { name, file, bytes, read: kinds[name] }
        })
        .collect()
}

fn kinds() -> BTreeMap<&'static str, Reader> {
    let mut kinds = BTreeMap::new();
    let mut all = |names: &[&'static str], reader| {
        names.iter().for_each(|name| {
            kinds.insert(*name, reader);
        })
    };
    all(&["csv", "tsv", "jsonl", "parquet", "arrow", "npy", "npz", "safetensors"], Reader::Table);
    all(&["json response", "json array", "batch answer"], Reader::Table);
    all(&["csv in zstd", "csv in gzip", "word vectors"], Reader::Table);
    all(&["index of mteb's cache"], Reader::MtebIndex);
    all(&["linear map"], Reader::LinearMap);
    all(&["calibration"], Reader::Calibration);
    all(&["graph"], Reader::Graph);
    all(&["score"], Reader::Scores);
    all(&["forest", "boost", "logistic", "tree", "knn", "ridge"], Reader::Model);
    all(&["k-means"], Reader::Centroids);
    all(&["lsa"], Reader::Lexical);
    all(&["map"], Reader::Map);
    all(&["index"], Reader::Index);
    all(&["list of models"], Reader::ListOfModels);
    all(&["filter"], Reader::Filter);
    all(&["cache"], Reader::Cache);
    all(
        &["model's config", "model's weights", "model's tokenizer", "model's words", "model's settings"],
        Reader::LocalModel,
    );
    kinds
}

/// Runs a range of inputs in children, one after another, behind each that ends one.
fn worker(folder: &Path, range: std::ops::Range<u64>, only: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = range.start;
    while next < range.end {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--child", &folder.to_string_lossy(), &next.to_string(), &range.end.to_string()]);
        command.args(only).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let mut at = next;
        loop {
            match lines.recv_timeout(LONGEST * 15) {
                Ok(line) => match line.parse() {
                    Ok(number) => at = number,
                    Err(_) => found.push(line),
                },
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    found.push(format!("{at} hangs"));
                    child.kill().unwrap();
                    break;
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        if found.last().is_none_or(|last| *last != format!("{at} hangs")) {
            found.push(format!("{at} ends the process: {status}"));
        }
        next = at + 1;
    }
    found
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, folder, from, to, only @ ..] = &arguments[..]
        && first == "--child"
    {
        let only = only.first().map(String::as_str);
        child(Path::new(folder), from.parse().unwrap(), to.parse().unwrap(), only);
        return ExitCode::SUCCESS;
    }
    let value =
        |name: &str| arguments.iter().position(|other| other == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().unwrap());
    let (inputs, from, workers) =
        (number("--inputs", 300), number("--from", 0), number("--workers", 2).max(1));
    let only = value("--only").cloned();
    let made = tempfile::tempdir().unwrap();
    let folder = value("--keep").map_or_else(|| made.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let all = seeds(&folder);
    let list: String = all.iter().map(|seed| format!("{}\t{}\n", seed.name, seed.file)).collect();
    std::fs::write(folder.join("seeds.txt"), list).unwrap();
    if value("--keep").is_some() && inputs == 1 {
        let (which, bytes) = mutated(&all, from, only.as_deref());
        std::fs::write(folder.join(format!("mutated-{}", all[which].file)), bytes).unwrap();
    }
    // Each is as it was written: an unchanged seed must be readable.
    for seed in all.iter().filter(|seed| matches!(seed.read, Reader::Table)) {
        table::read(&folder.join(seed.file), &ReadOptions::default()).unwrap();
    }
    let start = Instant::now();
    let share = inputs.div_ceil(workers);
    let found: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..workers)
            .map(|part| {
                (from + part * share).min(from + inputs)..(from + (part + 1) * share).min(from + inputs)
            })
            .map(|range| {
                let (folder, only) = (&folder, only.as_deref());
                scope.spawn(move || worker(folder, range, only))
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let mut out = std::io::stdout();
    for line in &found {
        let _ = writeln!(out, "{line}");
    }
    let seconds = start.elapsed().as_secs_f64();
    let _ = writeln!(
        out,
        "{inputs} inputs of {} kinds in {seconds:.0} s ({:.0} a minute): {} findings",
        all.len(),
        60.0 * inputs as f64 / seconds,
        found.len()
    );
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
