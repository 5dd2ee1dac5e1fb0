//! Model folders on disk. The tiny one in `fixtures/local_model` is random; what sentence-transformers makes
//! of it stands in `fixtures/local_model.json`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use embedlab::embed::{Embedder, LocalModel};
use half::bf16;
use ndarray::Array2;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Reference {
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
    mean: Vec<Vec<f32>>,
    first_token: Vec<Vec<f32>>,
    bfloat16: Vec<Vec<f32>>,
    gelu_new: Vec<Vec<f32>>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn reference() -> Reference {
    serde_json::from_slice(&std::fs::read(fixtures().join("local_model.json")).unwrap()).unwrap()
}

/// A copy of the tiny model that a test may damage.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        for name in [
            "config.json",
            "modules.json",
            "1_Pooling/config.json",
            "sentence_bert_config.json",
            "tokenizer_config.json",
            "tokenizer.json",
            "vocab.txt",
            "model.safetensors",
        ] {
            let bytes = std::fs::read(fixtures().join("local_model").join(name)).unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    fn set(&self, file: &str, key: &str, value: Value) {
        let mut said: Value = serde_json::from_slice(&std::fs::read(self.path(file)).unwrap()).unwrap();
        said[key] = value;
        std::fs::write(self.path(file), said.to_string()).unwrap();
    }

    /// Writes the weights again, each as `change` gives its name, type and bytes.
    fn change_weights(&self, change: impl Fn(&str, &[u8]) -> (String, Dtype, Vec<u8>)) {
        let bytes = std::fs::read(self.path("model.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let changed: HashMap<String, (Dtype, Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, tensor)| {
                let (name, dtype, data) = change(name, tensor.data());
                (name, (dtype, tensor.shape().to_vec(), data))
            })
            .collect();
        let views = changed.iter().map(|(name, (dtype, shape, data))| {
            (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let file = safetensors::serialize(views, None).unwrap();
        std::fs::write(self.path("model.safetensors"), file).unwrap();
    }

    fn open(&self) -> embedlab::Result<LocalModel> {
        LocalModel::open(self.0.path())
    }

    fn vectors(&self) -> Array2<f32> {
        self.open().unwrap().embed(&reference().texts).unwrap()
    }

    fn refused(&self) -> String {
        self.open().map(|model| model.model()).unwrap_err().to_string()
    }
}

fn assert_close(found: &Array2<f32>, expected: &[Vec<f32>]) {
    assert_eq!(found.dim(), (expected.len(), expected[0].len()));
    for (row, (found, expected)) in found.rows().into_iter().zip(expected).enumerate() {
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() < 5e-6, "text {row}: {x} where {y} was expected");
        }
    }
}

#[test]
fn vectors_and_tokens_are_those_of_sentence_transformers() {
    let reference = reference();
    let model = LocalModel::open(fixtures().join("local_model")).unwrap();
    assert_eq!((model.dims(), model.max_tokens()), (16, 12));
    assert!(model.model().starts_with("local_model-"), "{}", model.model());
    let found = model.embed_counted(&reference.texts).unwrap();
    assert_close(&found.vectors, &reference.mean);
    let lengths: Vec<usize> = reference.ids.iter().map(Vec::len).collect();
    assert_eq!(found.tokens, lengths);
    // `unbelievable thing`, `very` 30 times and `tea` 11 times are too long; `tea` 10 times just fits.
    assert_eq!(found.truncated, 3);
}

#[test]
fn the_first_token_is_taken_unscaled_where_the_files_say_so() {
    let expected = reference().first_token;
    let (old, new) = (Folder::new(), Folder::new());
    for folder in [&old, &new] {
        let modules: Vec<Value> =
            serde_json::from_slice(&std::fs::read(folder.path("modules.json")).unwrap()).unwrap();
        std::fs::write(folder.path("modules.json"), json!(modules[..2]).to_string()).unwrap();
    }
    old.set("1_Pooling/config.json", "pooling_mode_mean_tokens", json!(false));
    old.set("1_Pooling/config.json", "pooling_mode_cls_token", json!(true));
    new.set("1_Pooling/config.json", "pooling_mode", json!("cls"));
    assert_close(&old.vectors(), &expected);
    assert_close(&new.vectors(), &expected);
    // What changes the vectors changes the name; the folder's own name stands before the last hyphen.
    let hash = |folder: &Folder| folder.open().unwrap().model().rsplit('-').next().unwrap().to_owned();
    assert_eq!(hash(&old), hash(&new));
    assert_ne!(hash(&old), hash(&Folder::new()));
}

#[test]
fn another_activation_is_that_of_the_reference() {
    let folder = Folder::new();
    folder.set("config.json", "hidden_act", json!("gelu_new"));
    assert_close(&folder.vectors(), &reference().gelu_new);
}

#[test]
fn half_precision_weights_give_the_vectors_of_the_rounded_model() {
    let folder = Folder::new();
    folder.change_weights(|name, data| {
        let halves = data
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|bytes| bf16::from_f32(f32::from_le_bytes(*bytes)).to_le_bytes())
            .collect();
        (name.to_owned(), Dtype::BF16, halves)
    });
    assert_close(&folder.vectors(), &reference().bfloat16);
}

#[test]
fn a_model_with_a_head_and_old_names_is_read_as_well() {
    let folder = Folder::new();
    folder.change_weights(|name, data| {
        let name =
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        (format!("bert.{name}"), Dtype::F32, data.to_vec())
    });
    assert_close(&folder.vectors(), &reference().mean);
}

#[test]
fn a_vocabulary_alone_makes_the_same_tokenizer() {
    let folder = Folder::new();
    folder.remove("tokenizer.json");
    assert_close(&folder.vectors(), &reference().mean);
}

#[test]
fn the_small_files_may_be_missing() {
    let folder = Folder::new();
    for name in
        ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "tokenizer_config.json"]
    {
        folder.remove(name);
    }
    // Mean and length 1 are the defaults, and all 24 positions are used.
    let model = folder.open().unwrap();
    assert_eq!(model.max_tokens(), 24);
    let texts = reference().texts[..8].to_vec();
    assert_close(&model.embed(&texts).unwrap(), &reference().mean[..8]);
}

#[test]
fn threads_and_neighbours_do_not_change_the_bits() {
    let reference = reference();
    let model = LocalModel::open(fixtures().join("local_model")).unwrap();
    let texts: Vec<String> = reference.texts.iter().cycle().take(700).cloned().collect();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.embed(&texts).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(7));
    assert_close(&one.slice(ndarray::s![..17, ..]).to_owned(), &reference.mean);
    assert_eq!(model.embed(&[]).unwrap().dim(), (0, 16));
}

#[test]
fn what_is_missing_damaged_or_of_another_kind_is_named() {
    type Change = fn(&Folder);
    let cases: [(Change, &str); 25] = [
        (|folder| folder.remove("config.json"), "config.json: a file of the model is missing"),
        (|folder| folder.remove("model.safetensors"), "model.safetensors: a file of the model is missing"),
        (
            |folder| {
                std::fs::rename(folder.path("model.safetensors"), folder.path("pytorch_model.bin")).unwrap();
            },
            "safe_serialization=True",
        ),
        (
            |folder| {
                folder.remove("tokenizer.json");
                folder.remove("vocab.txt");
            },
            "tokenizer.json: a file of the model is missing",
        ),
        (|folder| std::fs::write(folder.path("config.json"), "{\"hidden").unwrap(), "not the JSON"),
        (|folder| std::fs::write(folder.path("config.json"), "{}").unwrap(), "missing field"),
        (|folder| folder.set("config.json", "model_type", json!("distilbert")), "another architecture"),
        (|folder| folder.set("config.json", "is_decoder", json!(true)), "a decoder"),
        (
            |folder| folder.set("config.json", "position_embedding_type", json!("relative_key")),
            "relative_key",
        ),
        (|folder| folder.set("config.json", "hidden_act", json!("swish")), "swish"),
        (|folder| folder.set("config.json", "num_attention_heads", json!(3)), "16 numbers and 3 heads"),
        (|folder| folder.set("config.json", "num_attention_heads", json!(0)), "num_attention_heads is 0"),
        (|folder| folder.set("config.json", "num_hidden_layers", json!(u64::MAX)), "lack a tensor"),
        (|folder| folder.set("config.json", "hidden_size", json!(1u64 << 60)), "another shape"),
        (|folder| folder.set("config.json", "vocab_size", json!(7)), "word_embeddings.weight is [93, 16]"),
        (|folder| folder.set("config.json", "layer_norm_eps", json!(-1)), "layer_norm_eps"),
        (|folder| folder.set("sentence_bert_config.json", "max_seq_length", json!(2)), "does not embed text"),
        (|folder| folder.set("1_Pooling/config.json", "pooling_mode_max_tokens", json!(true)), "max"),
        (
            |folder| {
                let modules = json!([{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]);
                std::fs::write(folder.path("modules.json"), modules.to_string()).unwrap();
            },
            "models.Dense",
        ),
        (
            |folder| {
                let modules = json!([{"type": "sentence_transformers.models.Pooling", "path": "../other"}]);
                std::fs::write(folder.path("modules.json"), modules.to_string()).unwrap();
            },
            "out of the model's folder",
        ),
        (|folder| std::fs::write(folder.path("tokenizer.json"), "[]").unwrap(), "no tokenizer"),
        (
            |folder| {
                folder.remove("tokenizer.json");
                std::fs::write(folder.path("vocab.txt"), "the\na\n").unwrap();
            },
            "without BERT's marks",
        ),
        (
            |folder| {
                let bytes = std::fs::read(folder.path("model.safetensors")).unwrap();
                std::fs::write(folder.path("model.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
            },
            "damaged weights",
        ),
        (
            |folder| {
                folder.change_weights(|name, data| (name.to_owned(), Dtype::I32, data.to_vec()));
            },
            "is I32",
        ),
        (
            |folder| {
                folder.change_weights(|name, data| {
                    let mut data = data.to_vec();
                    if name.ends_with("layer.1.output.dense.bias") {
                        data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
                    }
                    (name.to_owned(), Dtype::F32, data)
                });
            },
            "NaN or infinity in encoder.layer.1.output.dense.bias",
        ),
    ];
    for (change, says) in cases {
        let folder = Folder::new();
        change(&folder);
        let refused = folder.refused();
        assert!(refused.contains(says), "{refused}\nwhere {says} was expected");
    }
    let nowhere = LocalModel::open("nowhere/at/all").map(|model| model.model()).unwrap_err().to_string();
    assert!(nowhere.contains("no model folder"), "{nowhere}");
}

#[test]
fn a_tokenizer_of_another_model_is_refused_with_the_row() {
    let folder = Folder::new();
    let tokenizer = std::fs::read_to_string(folder.path("tokenizer.json")).unwrap();
    std::fs::write(folder.path("tokenizer.json"), tokenizer.replace("\"tea\": 11", "\"tea\": 1100")).unwrap();
    let model = folder.open().unwrap();
    let error = model.embed(&["dog food", "tea"].map(String::from)).unwrap_err().to_string();
    assert!(error.contains("row 1") && error.contains("token 1100"), "{error}");
}

#[test]
fn a_damaged_byte_never_panics() {
    for name in
        ["config.json", "modules.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"]
    {
        let whole = std::fs::read(fixtures().join("local_model").join(name)).unwrap();
        for step in 0..24 {
            let folder = Folder::new();
            let mut bytes = whole.clone();
            let at = step * 37 % bytes.len().min(3000);
            bytes[at] ^= 1 << (step % 8);
            std::fs::write(folder.path(name), bytes).unwrap();
            if let Ok(model) = folder.open() {
                let _ = model.embed(&reference().texts);
            }
        }
    }
}

#[test]
#[ignore = "needs EMBEDLAB_MINILM, a folder of all-MiniLM-L6-v2"]
fn the_real_model_gives_the_vectors_of_the_sample() {
    let folder = std::env::var_os("EMBEDLAB_MINILM").expect("the variable names a folder");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/food_reviews.parquet");
    let reviews = embedlab::table::read(&sample, &Default::default()).unwrap();
    let texts: Vec<String> = reviews.text("combined").unwrap().into_iter().flatten().collect();
    let found = LocalModel::open(folder).unwrap().embed_counted(&texts).unwrap();
    assert_eq!(found.truncated, 0);
    for (row, (found, stored)) in found.vectors.rows().into_iter().zip(reviews.vectors().rows()).enumerate() {
        let cosine = found.dot(&stored) / (found.dot(&found) * stored.dot(&stored)).sqrt();
        assert!(cosine > 0.99999, "row {}: {cosine}", row + 1);
    }
}
