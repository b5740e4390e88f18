//! The network: an encoder of the sound, and a decoder that gives the next token. In single precision, on the processor.
//!
//! Promise: the figures of the Python implementations but for the order of additions. Rejected: the Whisper of
//! candle-transformers. Its activation is an approximation of theirs, it makes every earlier token anew for each next one, and
//! it brings a hundred other models to compile.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Conv1d, Conv1dConfig, LayerNorm, Linear, Module, VarBuilder, ops};

/// The sizes of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub bins: usize,
    pub width: usize,
    pub vocabulary: usize,
    pub encoder_layers: usize,
    pub encoder_heads: usize,
    pub encoder_inner: usize,
    pub encoder_positions: usize,
    pub decoder_layers: usize,
    pub decoder_heads: usize,
    pub decoder_inner: usize,
    pub decoder_positions: usize,
}

/// What is asked between two steps: whether nobody waits for the answer any more.
pub(crate) type Unwanted<'a> = &'a dyn Fn() -> bool;

struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    fn load(width: usize, heads: usize, at: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            query: candle_nn::linear(width, width, at.pp("q_proj"))?,
            key: candle_nn::linear_no_bias(width, width, at.pp("k_proj"))?,
            value: candle_nn::linear(width, width, at.pp("v_proj"))?,
            out: candle_nn::linear(width, width, at.pp("out_proj"))?,
            heads,
        })
    }

    /// From times × width to heads × times × the width of a head.
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (times, width) = x.dims2()?;
        x.reshape((times, self.heads, width / self.heads))?
            .transpose(0, 1)?
            .contiguous()
    }

    fn keys(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok((
            self.split(&self.key.forward(x)?)?,
            self.split(&self.value.forward(x)?)?,
        ))
    }

    /// What `x` takes from the keys and values. With `mask`, each time sees itself and what was before it.
    fn forward(
        &self,
        x: &Tensor,
        (keys, values): (&Tensor, &Tensor),
        mask: bool,
    ) -> Result<Tensor> {
        let (times, width) = x.dims2()?;
        let scale = 1.0 / ((width / self.heads) as f64).sqrt();
        let query = (self.split(&self.query.forward(x)?)? * scale)?;
        let mut weights = query.matmul(&keys.transpose(1, 2)?.contiguous()?)?;
        if mask && times > 1 {
            let all = keys.dim(1)?;
            let before = all - times;
            let hidden: Vec<f32> = (0..times)
                .flat_map(|row| (0..all).map(move |column| (row, column)))
                .map(|(row, column)| {
                    if column > before + row {
                        f32::NEG_INFINITY
                    } else {
                        0.0
                    }
                })
                .collect();
            let hidden = Tensor::from_vec(hidden, (1, times, all), x.device())?;
            weights = weights.broadcast_add(&hidden)?;
        }
        let taken = ops::softmax_last_dim(&weights)?.matmul(values)?;
        self.out.forward(
            &taken
                .transpose(0, 1)?
                .contiguous()?
                .reshape((times, width))?,
        )
    }
}

struct Layer {
    own: Attention,
    own_norm: LayerNorm,
    /// What looks at the sound; only a decoder has it.
    sound: Option<(Attention, LayerNorm)>,
    first: Linear,
    second: Linear,
    norm: LayerNorm,
}

impl Layer {
    fn load(
        width: usize,
        inner: usize,
        heads: usize,
        hears: bool,
        at: VarBuilder<'_>,
    ) -> Result<Self> {
        let sound = match hears {
            true => Some((
                Attention::load(width, heads, at.pp("encoder_attn"))?,
                norm(width, at.pp("encoder_attn_layer_norm"))?,
            )),
            false => None,
        };
        Ok(Self {
            own: Attention::load(width, heads, at.pp("self_attn"))?,
            own_norm: norm(width, at.pp("self_attn_layer_norm"))?,
            sound,
            first: candle_nn::linear(width, inner, at.pp("fc1"))?,
            second: candle_nn::linear(inner, width, at.pp("fc2"))?,
            norm: norm(width, at.pp("final_layer_norm"))?,
        })
    }

    fn last(&self, x: Tensor) -> Result<Tensor> {
        let inner = self.first.forward(&self.norm.forward(&x)?)?.gelu_erf()?;
        x + self.second.forward(&inner)?
    }
}

fn norm(width: usize, at: VarBuilder<'_>) -> Result<LayerNorm> {
    candle_nn::layer_norm(width, 1e-5, at)
}

fn convolution(from: usize, to: usize, stride: usize, at: VarBuilder<'_>) -> Result<Conv1d> {
    let config = Conv1dConfig {
        padding: 1,
        stride,
        ..Conv1dConfig::default()
    };
    candle_nn::conv1d(from, to, 3, config, at)
}

/// The network of a model.
pub(crate) struct Network {
    convolutions: [Conv1d; 2],
    sound_positions: Tensor,
    encoder: Vec<Layer>,
    encoder_norm: LayerNorm,
    words: Tensor,
    positions: Tensor,
    decoder: Vec<Layer>,
    decoder_norm: LayerNorm,
}

/// A text in the making: the sound, and what was made of the tokens so far.
pub(crate) struct Making {
    sound: Vec<(Tensor, Tensor)>,
    own: Vec<Option<(Tensor, Tensor)>>,
    length: usize,
}

impl Making {
    /// Begins anew with the same sound.
    pub fn again(&mut self) {
        self.own.fill(None);
        self.length = 0;
    }
}

impl Network {
    /// From the bytes of a file of safetensors.
    pub fn load(bytes: Vec<u8>, sizes: &Sizes) -> Result<Self> {
        let at = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)?;
        // Some tools leave the first name away.
        let at = match at.contains_tensor("model.encoder.conv1.weight") {
            true => at.pp("model"),
            false => at,
        };
        let (encoder, decoder) = (at.pp("encoder"), at.pp("decoder"));
        let width = sizes.width;
        let layers = |count: usize, inner, heads, hears, at: &VarBuilder<'_>| {
            (0..count)
                .map(|n| Layer::load(width, inner, heads, hears, at.pp(format!("layers.{n}"))))
                .collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            convolutions: [
                convolution(sizes.bins, width, 1, encoder.pp("conv1"))?,
                convolution(width, width, 2, encoder.pp("conv2"))?,
            ],
            sound_positions: encoder
                .get((sizes.encoder_positions, width), "embed_positions.weight")?,
            encoder: layers(
                sizes.encoder_layers,
                sizes.encoder_inner,
                sizes.encoder_heads,
                false,
                &encoder,
            )?,
            encoder_norm: norm(width, encoder.pp("layer_norm"))?,
            words: decoder.get((sizes.vocabulary, width), "embed_tokens.weight")?,
            positions: decoder.get((sizes.decoder_positions, width), "embed_positions.weight")?,
            decoder: layers(
                sizes.decoder_layers,
                sizes.decoder_inner,
                sizes.decoder_heads,
                true,
                &decoder,
            )?,
            decoder_norm: norm(width, decoder.pp("layer_norm"))?,
        })
    }

    /// Listens to one window; nothing where it is unwanted.
    pub fn listen(
        &self,
        window: Vec<f32>,
        bins: usize,
        unwanted: Unwanted<'_>,
    ) -> Result<Option<Making>> {
        let columns = window.len() / bins.max(1);
        let mut x = Tensor::from_vec(window, (1, bins, columns), &Device::Cpu)?;
        for convolution in &self.convolutions {
            x = convolution.forward(&x)?.gelu_erf()?;
        }
        let mut x = (x.squeeze(0)?.t()?.contiguous()? + &self.sound_positions)?;
        for layer in &self.encoder {
            if unwanted() {
                return Ok(None);
            }
            let y = layer.own_norm.forward(&x)?;
            let (keys, values) = layer.own.keys(&y)?;
            x = layer.last((x + layer.own.forward(&y, (&keys, &values), false)?)?)?;
        }
        let x = self.encoder_norm.forward(&x)?;
        let sound = self.decoder.iter().filter_map(|layer| layer.sound.as_ref());
        let sound = sound
            .map(|(attention, _)| attention.keys(&x))
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(Making {
            own: sound.iter().map(|_| None).collect(),
            sound,
            length: 0,
        }))
    }

    /// Goes on by these tokens; for each of them, how likely every token is to follow it, as logits.
    pub fn next(&self, making: &mut Making, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let places = self.positions.narrow(0, making.length, tokens.len())?;
        let mut x = (self.words.index_select(&ids, 0)? + places)?;
        let layers = self.decoder.iter().zip(&making.sound).zip(&mut making.own);
        for ((layer, (sound_keys, sound_values)), own) in layers {
            let y = layer.own_norm.forward(&x)?;
            let (mut keys, mut values) = layer.own.keys(&y)?;
            if let Some((before, before_values)) = own.as_ref() {
                keys = Tensor::cat(&[before, &keys], 1)?;
                values = Tensor::cat(&[before_values, &values], 1)?;
            }
            x = (x + layer.own.forward(&y, (&keys, &values), true)?)?;
            *own = Some((keys, values));
            if let Some((attention, norm)) = &layer.sound {
                let y = norm.forward(&x)?;
                x = (x + attention.forward(&y, (sound_keys, sound_values), false)?)?;
            }
            x = layer.last(x)?;
        }
        making.length += tokens.len();
        let x = self.decoder_norm.forward(&x)?;
        x.matmul(&self.words.t()?)?.to_dtype(DType::F32)?.to_vec2()
    }

    /// How many tokens fit.
    pub fn room(&self) -> usize {
        self.positions.dim(D::Minus2).unwrap_or(0)
    }
}
