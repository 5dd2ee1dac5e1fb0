//! The encoder: embeddings of tokens, then layers of attention and of a small network for each token.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::attention::attend;
use super::kernel::{activate, add_and_norm, add_row, layer_norm};
use super::settings::{Activation, Settings};
use super::weights::{Reader, Weights};
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Bert {
    /// Vocabulary x dims.
    words: Vec<f32>,
    /// Positions x dims; the embedding of the first token type is added to each.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    dims: usize,
    heads: usize,
    intermediate: usize,
    epsilon: f64,
    activation: Activation,
}

#[derive(Debug)]
struct Layer {
    /// To queries, keys and values side by side.
    project: Linear,
    attended: Linear,
    attention_norm: Norm,
    widen: Linear,
    narrow: Linear,
    output_norm: Norm,
}

#[derive(Debug)]
struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

#[derive(Debug)]
struct Linear {
    /// Inputs x outputs: the transpose of what the file has, so that no product has to rearrange it.
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Memory for one batch after the other.
#[derive(Default)]
pub(super) struct Workspace {
    hidden: Vec<f32>,
    projected: Vec<f32>,
    context: Vec<f32>,
    widened: Vec<f32>,
    added: Vec<f32>,
    scores: Vec<f32>,
}

impl Workspace {
    /// What the last batch came to (tokens x dims).
    pub fn hidden(&self) -> &[f32] {
        &self.hidden
    }
}

impl Bert {
    pub fn load(weights: &Weights, settings: &Settings) -> Result<Bert> {
        let reader = weights.reader()?;
        let dims = settings.hidden;
        let words = reader.take("embeddings.word_embeddings.weight", &[settings.vocabulary, dims])?;
        let mut positions =
            reader.take("embeddings.position_embeddings.weight", &[settings.positions, dims])?;
        let types = reader.take("embeddings.token_type_embeddings.weight", &[settings.types, dims])?;
        add_row(&mut positions, &types[..dims]);
        let norm = Norm::load(&reader, "embeddings.LayerNorm", dims)?;
        let mut layers = Vec::new();
        for at in 0..settings.layers {
            layers.push(Layer::load(&reader, &format!("encoder.layer.{at}"), settings)?);
        }
        Ok(Bert {
            words,
            positions,
            norm,
            layers,
            dims,
            heads: settings.heads,
            intermediate: settings.intermediate,
            epsilon: settings.epsilon,
            activation: settings.activation,
        })
    }

    /// Computes the last layer's numbers of all tokens of some texts, on one thread. The token ids are in
    /// the vocabulary and no text is longer than the positions.
    pub fn encode(&self, texts: &[&[u32]], work: &mut Workspace) {
        let dims = self.dims;
        let tokens = texts.iter().map(|ids| ids.len()).sum::<usize>();
        work.hidden.clear();
        for ids in texts {
            for (position, id) in ids.iter().enumerate() {
                let word = &self.words[*id as usize * dims..][..dims];
                let position = &self.positions[position * dims..][..dims];
                work.hidden.extend(word.iter().zip(position).map(|(word, position)| word + position));
            }
        }
        layer_norm(&mut work.hidden, &self.norm.scale, &self.norm.shift, self.epsilon);
        for layer in &self.layers {
            work.projected.resize(tokens * 3 * dims, 0.0);
            work.context.resize(tokens * dims, 0.0);
            work.added.resize(tokens * dims, 0.0);
            work.widened.resize(tokens * self.intermediate, 0.0);
            layer.project.multiply(&work.hidden, tokens, &mut work.projected);
            add_row(&mut work.projected, &layer.project.bias);
            let lengths = texts.iter().map(|ids| ids.len());
            attend(&work.projected, lengths, dims, self.heads, &mut work.scores, &mut work.context);
            layer.attended.multiply(&work.context, tokens, &mut work.added);
            layer.attention_norm.add(&mut work.hidden, &work.added, &layer.attended.bias, self.epsilon);
            layer.widen.multiply(&work.hidden, tokens, &mut work.widened);
            activate(&mut work.widened, &layer.widen.bias, self.activation);
            layer.narrow.multiply(&work.widened, tokens, &mut work.added);
            layer.output_norm.add(&mut work.hidden, &work.added, &layer.narrow.bias, self.epsilon);
        }
    }
}

impl Layer {
    fn load(reader: &Reader<'_>, at: &str, settings: &Settings) -> Result<Layer> {
        let (dims, wide) = (settings.hidden, settings.intermediate);
        let parts = ["query", "key", "value"]
            .map(|name| Linear::load(reader, &format!("{at}.attention.self.{name}"), dims, dims));
        let [query, key, value] = parts;
        Ok(Layer {
            project: Linear::side_by_side(&[query?, key?, value?], dims),
            attended: Linear::load(reader, &format!("{at}.attention.output.dense"), dims, dims)?,
            attention_norm: Norm::load(reader, &format!("{at}.attention.output.LayerNorm"), dims)?,
            widen: Linear::load(reader, &format!("{at}.intermediate.dense"), dims, wide)?,
            narrow: Linear::load(reader, &format!("{at}.output.dense"), wide, dims)?,
            output_norm: Norm::load(reader, &format!("{at}.output.LayerNorm"), dims)?,
        })
    }
}

impl Norm {
    fn load(reader: &Reader<'_>, at: &str, dims: usize) -> Result<Norm> {
        let scale = reader.take(&format!("{at}.weight"), &[dims])?;
        let shift = reader.take(&format!("{at}.bias"), &[dims])?;
        Ok(Norm { scale, shift })
    }

    fn add(&self, rows: &mut [f32], added: &[f32], bias: &[f32], epsilon: f64) {
        add_and_norm(rows, added, bias, &self.scale, &self.shift, epsilon);
    }
}

impl Linear {
    fn load(reader: &Reader<'_>, at: &str, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = reader.take(&format!("{at}.weight"), &[outputs, inputs])?;
        let bias = reader.take(&format!("{at}.bias"), &[outputs])?;
        let transposed = (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
        Ok(Linear { weight: transposed, bias })
    }

    /// Several of `inputs` inputs as one, so that one product does for all.
    fn side_by_side(parts: &[Linear], inputs: usize) -> Linear {
        let mut weight = Vec::new();
        for input in 0..inputs {
            for part in parts {
                let outputs = part.bias.len();
                weight.extend_from_slice(&part.weight[input * outputs..(input + 1) * outputs]);
            }
        }
        Linear { weight, bias: parts.iter().flat_map(|part| &part.bias).copied().collect() }
    }

    /// The product alone; the bias is added by what follows.
    fn multiply(&self, rows: &[f32], n: usize, out: &mut [f32]) {
        let outputs = self.bias.len();
        let inputs = self.weight.len() / outputs;
        matmul(
            MatMut::from_row_major_slice_mut(out, n, outputs),
            Accum::Replace,
            MatRef::from_row_major_slice(rows, n, inputs),
            MatRef::from_row_major_slice(&self.weight, inputs, outputs),
            1.0,
            Par::Seq,
        );
    }
}
