//! A short key for a deployment: equal deployments have equal keys, in every process that runs the same build.
//!
//! FNV-1a with 128 bits over what `Hash` gives, where every text has its end and every list its length, so that no two deployments run
//! together. It tells deployments apart; it does not withstand somebody who wants two to collide, who could as well write the same
//! deployment twice. Values of variables are in it as all else is, and cannot be read back. The standard library's hashers were rejected: 64 bits, and
//! a result that is promised for one process only.

use std::hash::{Hash, Hasher};

use crate::deployment::Deployment;

const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

struct Fnv(u128);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Only half of it; [`of`] takes the whole.
    fn finish(&self) -> u64 {
        self.0 as u64
    }
}

/// 32 hexadecimal digits.
pub(crate) fn of(deployment: &Deployment) -> String {
    let mut hash = Fnv(BASIS);
    deployment.hash(&mut hash);
    format!("{:032x}", hash.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::{Container, Part};

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of the function's authors: the empty text and `a`.
        let mut hash = Fnv(BASIS);
        assert_eq!(hash.0, BASIS);
        hash.write(b"a");
        assert_eq!(hash.0, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn equal_deployments_and_only_they_have_equal_digests() {
        let base = || Deployment::command("x").args(["a", "b"]).env("K", "v");
        assert_eq!(base().digest(), base().digest());
        let container = Container {
            image: "i".into(),
            runtime: None,
            options: Vec::new(),
            port: None,
        };
        let others = [
            Deployment::command("x").args(["ab"]).env("K", "v"),
            Deployment::command("x").args(["a", "b"]).env("K", "w"),
            Deployment::command("x").args(["a", "b"]).env_remove("K"),
            base().arg(""),
            base().name("n"),
            base().model("m"),
            base().port(20_000),
            base().ports(2),
            base().one_token(false),
            base().health("/h"),
            base().fatal_log("f"),
            base().fatal_regex("f", None),
            base().grace(std::time::Duration::from_secs(1)),
            base().container(container),
            base().part(Part::command("p", "y")),
            base().part(Part::command("p", "y").env("K", "v")),
            Deployment::url("http://h:1").unwrap(),
            Deployment::url("http://h:1").unwrap().key_env("K"),
        ];
        let mut seen = vec![base().digest()];
        for other in others {
            let digest = other.digest();
            assert!(!seen.contains(&digest), "{other:?}");
            seen.push(digest);
        }
    }

    #[test]
    fn a_digest_stays_what_it_is() {
        let digest = Deployment::command("x").digest();
        assert_eq!(digest.len(), 32);
        assert!(digest.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
