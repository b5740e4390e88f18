//! The rules of pictures: there, readable, as many and as large as asked for, with something on them, like a reference.

use serde_json::Value;
use tribunal_client::ImagesAnswer;
use tribunal_media::{DecodedPicture, PictureKind, PixelDistance, decode_picture, psnr, ssim};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict, quoted};

type Decoded = Result<DecodedPicture, String>;

pub(crate) fn judge(bench: &Bench, answer: &ImagesAnswer) -> Verdict {
    let pictures: Vec<Option<Decoded>> = answer
        .images
        .iter()
        .map(|image| {
            image
                .bytes
                .as_ref()
                .map(|bytes| decode_picture(bytes).map_err(|error| error.to_string()))
        })
        .collect();
    let mut rules = vec![
        common::success(&answer.raw),
        common::json_or_events(&answer.raw, false),
        RuleResult::holds("images_present", !pictures.is_empty())
            .figure(format!("{} pictures", pictures.len()))
            .threshold("at least one"),
    ];
    rules.extend(common::latency(bench, Times::plain(&answer.raw)));
    // One that lies elsewhere was not fetched: nobody has looked at it.
    let elsewhere = answer
        .images
        .iter()
        .find_map(|image| image.url.as_deref().filter(|_| image.bytes.is_none()));
    let not_made = |rule: &'static str, url: &str| {
        RuleResult::not_made(
            rule,
            format!("the picture lies at {}", quoted(url)),
            "ask for response_format b64_json",
        )
    };
    let mut look = |rule: &'static str, result: RuleResult| {
        rules.push(match elsewhere {
            Some(url) if result.ending != Ending::Fail => not_made(rule, url),
            _ => result,
        });
    };
    look("images_decodable", decodable(answer, &pictures));
    look("images_type", kinds(answer, &pictures));
    if bench.deep() {
        let good: Vec<&DecodedPicture> = pictures.iter().flatten().flatten().collect();
        look("images_size", size(bench, &answer.raw.request, &good));
        look("images_blank", blank(bench, &good));
        look("images_distinct", distinct(&good));
        look("images_alike", alike(bench, good.first().copied()));
        rules.push(count(bench, &answer.raw.request, pictures.len()));
    }
    bench.verdict(Kind::Images, "pictures", rules)
}

fn decodable(answer: &ImagesAnswer, pictures: &[Option<Decoded>]) -> RuleResult {
    let mut complaints = Vec::new();
    for (number, (picture, image)) in pictures.iter().zip(&answer.images).enumerate() {
        match picture {
            Some(Err(why)) => complaints.push(format!("picture {}: {why}", number + 1)),
            None if image.url.is_none() => complaints.push(format!(
                "picture {} has neither bytes nor an address",
                number + 1
            )),
            _ => {}
        }
    }
    if pictures.is_empty() {
        complaints.push("there is none".into());
    }
    RuleResult::without_complaints("images_decodable", complaints)
}

fn kinds(answer: &ImagesAnswer, pictures: &[Option<Decoded>]) -> RuleResult {
    const RULE: &str = "images_type";
    let named = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_lowercase);
    let asked = named(answer.raw.request.get("output_format"))
        .or_else(|| named(answer.extra.get("output_format")));
    let Some(asked) = asked else {
        return RuleResult::not_applicable(
            RULE,
            "neither the request nor the answer names a format",
        );
    };
    let wanted = match asked.trim_start_matches("image/") {
        "png" => PictureKind::Png,
        "jpeg" | "jpg" => PictureKind::Jpeg,
        "webp" => PictureKind::WebP,
        _ => {
            return RuleResult::not_made(
                RULE,
                format!("the format {} is not known here", quoted(&asked)),
                "known are png, jpeg, webp",
            );
        }
    };
    let wrong = answer
        .images
        .iter()
        .enumerate()
        .filter_map(|(number, image)| {
            let found = PictureKind::of(image.bytes.as_ref()?);
            (found != Some(wanted)).then(|| {
                format!(
                    "picture {} is {}, not {wanted}",
                    number + 1,
                    found.map_or_else(
                        || "of no format that is known".into(),
                        |kind| kind.to_string()
                    )
                )
            })
        });
    let wrong: Vec<_> = wrong.collect();
    match pictures.is_empty() {
        true => RuleResult::new(RULE, Ending::Fail).figure("no picture"),
        false => RuleResult::without_complaints(RULE, wrong),
    }
}

/// `1024x768` as two numbers.
pub(crate) fn parsed_size(value: &Value) -> Option<(u32, u32)> {
    let (width, height) = value.as_str()?.split_once(['x', 'X', '×', '*'])?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

/// The size that a request asks for: `size`, or `width` and `height`, at the top or in `extra_body`.
pub(crate) fn asked_size(request: &Value) -> Option<(u32, u32)> {
    [request, &request["extra_body"]]
        .into_iter()
        .find_map(|place| {
            let number = |name: &str| {
                place[name]
                    .as_u64()
                    .and_then(|number| u32::try_from(number).ok())
            };
            parsed_size(&place["size"]).or_else(|| Some((number("width")?, number("height")?)))
        })
}

fn size(bench: &Bench, request: &Value, pictures: &[&DecodedPicture]) -> RuleResult {
    const RULE: &str = "images_size";
    let wanted = match bench.expect.sizes.is_empty() {
        false => bench.expect.sizes.clone(),
        true => asked_size(request).into_iter().collect(),
    };
    if wanted.is_empty() {
        return RuleResult::not_applicable(RULE, "no size was asked for");
    }
    if wanted.len() > 1 && wanted.len() != pictures.len() {
        return RuleResult::new(RULE, Ending::Fail)
            .figure(format!("{} pictures", pictures.len()))
            .threshold(format!("one for each of {} sizes", wanted.len()));
    }
    if pictures.is_empty() {
        return RuleResult::new(RULE, Ending::Fail).figure("no picture that can be read");
    }
    let mut complaints = Vec::new();
    for (number, decoded) in pictures.iter().enumerate() {
        let (width, height) = wanted.get(number).copied().unwrap_or(wanted[0]);
        let found = (decoded.picture.width(), decoded.picture.height());
        if found != (width, height) {
            complaints.push(format!(
                "picture {} has {} by {} pixels, not {width} by {height}",
                number + 1,
                found.0,
                found.1
            ));
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn count(bench: &Bench, request: &Value, found: usize) -> RuleResult {
    let asked = request["n"]
        .as_u64()
        .or_else(|| request["num_outputs_per_prompt"].as_u64())
        .or_else(|| request["extra_body"]["num_outputs_per_prompt"].as_u64());
    let wanted = bench.expect.count.or(asked).unwrap_or(1);
    RuleResult::holds("images_count", found as u64 == wanted)
        .figure(found)
        .threshold(wanted)
}

fn blank(bench: &Bench, pictures: &[&DecodedPicture]) -> RuleResult {
    const RULE: &str = "images_blank";
    let limit = bench.limit(RULE);
    let measured = pictures
        .iter()
        .map(|decoded| (decoded.picture.contrast().deviation, decoded.transparent));
    let least = measured.min_by(|a, b| a.0.total_cmp(&b.0));
    match least {
        None => RuleResult::new(RULE, Ending::Fail).figure("no picture that can be read"),
        Some((deviation, transparent)) => RuleResult::holds(RULE, deviation > limit.value)
            .figure(format!(
                "a deviation of {deviation:.2}{}",
                if transparent > 0.99 {
                    ", and all of it transparent"
                } else {
                    ""
                }
            ))
            .threshold(format!("above {limit}")),
    }
}

fn distinct(pictures: &[&DecodedPicture]) -> RuleResult {
    const RULE: &str = "images_distinct";
    if pictures.len() < 2 {
        return RuleResult::not_applicable(RULE, "there are no two");
    }
    let mut complaints = Vec::new();
    for (at, one) in pictures.iter().enumerate() {
        if let Some(other) = pictures[..at]
            .iter()
            .position(|other| other.picture == one.picture)
        {
            complaints.push(format!(
                "pictures {} and {} are the same",
                other + 1,
                at + 1
            ));
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn alike(bench: &Bench, picture: Option<&DecodedPicture>) -> RuleResult {
    const RULE: &str = "images_alike";
    let Some(reference) = &bench.expect.alike else {
        return RuleResult::not_applicable(RULE, "the test names no reference");
    };
    let Some(picture) = picture else {
        return RuleResult::new(RULE, Ending::Fail).figure("no picture that can be read");
    };
    // A reference that cannot be read must not pass, and it is not the server's fault.
    let reference = match decode_picture(reference) {
        Ok(reference) => reference.picture,
        Err(error) => {
            return RuleResult::new(RULE, Ending::Fail)
                .because(format!("the reference itself cannot be read: {error}"));
        }
    };
    let own = &picture.picture;
    let compared = ssim(own, &reference).and_then(|ssim| {
        Ok((
            ssim,
            psnr(own, &reference)?,
            PixelDistance::between(own, &reference)?,
        ))
    });
    let (ssim, psnr, distance) = match compared {
        Ok(compared) => compared,
        Err(error) => {
            return RuleResult::new(RULE, Ending::Fail)
                .figure("not comparable")
                .because(error.to_string());
        }
    };
    let (mean, p99) = (
        distance.mean / 255.0,
        f64::from(distance.percentile_99) / 255.0,
    );
    let [least_ssim, least_psnr, most_mean, most_p99] =
        ["ssim", "psnr", "pixel_mean", "pixel_p99"].map(|name| bench.limit(name));
    let holds = ssim >= least_ssim.value
        && psnr >= least_psnr.value
        && mean <= most_mean.value
        && p99 <= most_p99.value;
    RuleResult::holds(RULE, holds)
        .figure(format!("SSIM {ssim:.4}, PSNR {psnr:.2} dB, mean distance {mean:.4}, 99 of 100 below {p99:.3}"))
        .threshold(format!("SSIM at least {least_ssim}, PSNR at least {least_psnr} dB, mean distance at most {most_mean}, 99 of 100 below {most_p99}"))
}
