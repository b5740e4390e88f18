//! The least of an MP4 file that players need: one track of JPEG frames, and one of PCM if there is sound. The tables
//! come first, so that a reader needs no second look.

use crate::audio::encoding::{Encoding, encode_pcm};
use crate::audio::sound::Audio;
use crate::{MediaError, MediaErrorKind};

/// Ticks per frame.
const TICKS: u32 = 512;

pub(crate) fn write(
    frames: &[Vec<u8>],
    width: u32,
    height: u32,
    rate: u32,
    sound: Option<&Audio>,
) -> Result<Vec<u8>, MediaError> {
    let scale = rate * TICKS;
    let pcm = sound
        .map(|audio| encode_pcm(audio, Encoding::I16))
        .unwrap_or_default();
    let video_bytes: usize = frames.iter().map(Vec::len).sum();
    let ticks = frames.len() as u64 * u64::from(TICKS);
    // The longest track is the movie's length, in ticks of the video.
    let sound_ticks = sound.map_or(0, |a| {
        a.frames() as u64 * u64::from(scale) / u64::from(a.rate())
    });
    let fits = |n: u64| u32::try_from(n).map_err(|_| too_large());
    let (duration, sound_duration) = (fits(ticks)?, fits(sound_ticks)?);
    fits(video_bytes as u64 + pcm.len() as u64 + (1 << 20) + 4 * frames.len() as u64)?;
    let ftyp = boxed(b"ftyp", &[b"isom", &512_u32.to_be_bytes(), b"isomiso2mp41"]);
    let moov = |data: u32| {
        let mut traks = trak(&Track {
            id: 1,
            movie_duration: duration,
            scale,
            duration,
            handler: b"vide",
            header: &full(b"vmhd", 1, &[&[0; 8]]),
            entry: &video_entry(width, height),
            size: (width, height),
            sizes: &stsz(frames),
            count: frames.len() as u32,
            delta: TICKS,
            offset: data,
        });
        if let Some(audio) = sound {
            let frame = 2 * u32::from(audio.channels());
            traks.extend(trak(&Track {
                id: 2,
                movie_duration: sound_duration,
                scale: audio.rate(),
                duration: audio.frames() as u32,
                handler: b"soun",
                header: &full(b"smhd", 0, &[&[0; 4]]),
                entry: &sound_entry(audio),
                size: (0, 0),
                sizes: &full(
                    b"stsz",
                    0,
                    &[&frame.to_be_bytes(), &(audio.frames() as u32).to_be_bytes()],
                ),
                count: audio.frames() as u32,
                delta: 1,
                offset: data + video_bytes as u32,
            }));
        }
        let mvhd = full(
            b"mvhd",
            0,
            &[
                &[0; 8],
                &scale.to_be_bytes(),
                &duration.max(sound_duration).to_be_bytes(),
                &0x0001_0000_u32.to_be_bytes(),
                &0x0100_u16.to_be_bytes(),
                &[0; 10],
                &matrix(),
                &[0; 24],
                &3_u32.to_be_bytes(),
            ],
        );
        boxed(b"moov", &[&mvhd, &traks])
    };
    // The tables hold places in the file, and are as long whatever these are.
    let data = (ftyp.len() + moov(0).len() + 8) as u32;
    let mut out = ftyp;
    out.extend(moov(data));
    out.extend(((video_bytes + pcm.len() + 8) as u32).to_be_bytes());
    out.extend(b"mdat");
    frames.iter().for_each(|f| out.extend(f));
    out.extend(pcm);
    Ok(out)
}

fn too_large() -> MediaError {
    MediaError::new(
        MediaErrorKind::TooLarge,
        "synthetic video",
        "more than 4 GiB, or too long for its clock",
    )
}

struct Track<'a> {
    id: u32,
    movie_duration: u32,
    scale: u32,
    duration: u32,
    handler: &'a [u8; 4],
    header: &'a [u8],
    entry: &'a [u8],
    size: (u32, u32),
    sizes: &'a [u8],
    count: u32,
    delta: u32,
    offset: u32,
}

fn trak(track: &Track<'_>) -> Vec<u8> {
    let volume: u16 = if track.handler == b"soun" { 0x0100 } else { 0 };
    let tkhd = full(
        b"tkhd",
        3,
        &[
            &[0; 8],
            &track.id.to_be_bytes(),
            &[0; 4],
            &track.movie_duration.to_be_bytes(),
            &[0; 12],
            &volume.to_be_bytes(),
            &[0; 2],
            &matrix(),
            &(track.size.0 << 16).to_be_bytes(),
            &(track.size.1 << 16).to_be_bytes(),
        ],
    );
    // The language is `und`.
    let mdhd = full(
        b"mdhd",
        0,
        &[
            &[0; 8],
            &track.scale.to_be_bytes(),
            &track.duration.to_be_bytes(),
            &[0x55, 0xC4, 0, 0],
        ],
    );
    let hdlr = full(b"hdlr", 0, &[&[0; 4], track.handler, &[0; 13]]);
    let dref = full(b"dref", 0, &[&1_u32.to_be_bytes(), &full(b"url ", 1, &[])]);
    let one = 1_u32.to_be_bytes();
    let stbl = boxed(
        b"stbl",
        &[
            &full(b"stsd", 0, &[&one, track.entry]),
            &full(
                b"stts",
                0,
                &[&one, &track.count.to_be_bytes(), &track.delta.to_be_bytes()],
            ),
            &full(b"stsc", 0, &[&one, &one, &track.count.to_be_bytes(), &one]),
            track.sizes,
            &full(b"stco", 0, &[&one, &track.offset.to_be_bytes()]),
        ],
    );
    let minf = boxed(b"minf", &[track.header, &boxed(b"dinf", &[&dref]), &stbl]);
    boxed(b"trak", &[&tkhd, &boxed(b"mdia", &[&mdhd, &hdlr, &minf])])
}

fn stsz(frames: &[Vec<u8>]) -> Vec<u8> {
    let sizes: Vec<u8> = frames
        .iter()
        .flat_map(|f| (f.len() as u32).to_be_bytes())
        .collect();
    full(
        b"stsz",
        0,
        &[&[0; 4], &(frames.len() as u32).to_be_bytes(), &sizes],
    )
}

fn video_entry(width: u32, height: u32) -> Vec<u8> {
    // Descriptors of MPEG-4 systems: object type 0x6C is JPEG, stream type 4 is visual.
    let config = [0x04, 13, 0x6C, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let esds = full(
        b"esds",
        0,
        &[&[0x03, 3 + 15 + 3, 0, 1, 0], &config, &[0x06, 1, 0x02]],
    );
    boxed(
        b"mp4v",
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &(width as u16).to_be_bytes(),
            &(height as u16).to_be_bytes(),
            // 72 dots per inch, both ways.
            &0x0048_0000_u32.to_be_bytes(),
            &0x0048_0000_u32.to_be_bytes(),
            &[0; 4],
            &1_u16.to_be_bytes(),
            &[0; 32],
            &24_u16.to_be_bytes(),
            &[0xFF, 0xFF],
            &esds,
        ],
    )
}

/// Sixteen-bit PCM, the low byte first.
fn sound_entry(audio: &Audio) -> Vec<u8> {
    // The field holds 16 bits; the track's clock says the rate where that is more.
    let rate = if audio.rate() <= 0xFFFF {
        audio.rate() << 16
    } else {
        0
    };
    boxed(
        b"sowt",
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 8],
            &audio.channels().to_be_bytes(),
            &16_u16.to_be_bytes(),
            &[0; 4],
            &rate.to_be_bytes(),
        ],
    )
}

fn matrix() -> Vec<u8> {
    [0x0001_0000_u32, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect()
}

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = 8 + parts.iter().map(|p| p.len()).sum::<usize>();
    let mut out = Vec::with_capacity(length);
    out.extend((length as u32).to_be_bytes());
    out.extend(name);
    parts.iter().for_each(|p| out.extend(*p));
    out
}

/// A box with a version (0) and flags.
fn full(name: &[u8; 4], flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let flags = flags.to_be_bytes();
    let mut all: Vec<&[u8]> = vec![&flags];
    all.extend(parts);
    boxed(name, &all)
}
