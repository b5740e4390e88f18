//! What is known to fail before anything is created: rights that are missing, quotas that are too small.
//!
//! Promise: nothing is created and nothing read that the run itself would not read. What cannot be known is not guessed: a quota that is not to be read is left
//! to the events of the start.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::{Cluster, NO_SETS_HELP, QUOTA_HELP};
use super::failure::Failure;
use super::kind::Kind;
use crate::render::{LEADER_WORKER_SET, Manifest, Quantity, Shape};

/// Every right that the driver uses, in its namespace: fixtures/kubernetes/rbac.yaml is this, and a test compares them.
pub(crate) const RIGHTS: [(Kind, Option<&str>, &[&str]); 11] = [
    (Kind::ConfigMap, None, &["create", "delete", "list"]),
    (Kind::Event, None, &["list"]),
    (Kind::Job, None, &["create", "delete", "list"]),
    (Kind::LeaderWorkerSet, None, &["create", "delete", "list"]),
    (Kind::Pod, None, &["list", "watch"]),
    (Kind::Pod, Some("exec"), &["create"]),
    (Kind::Pod, Some("exec"), &["get"]),
    (Kind::Pod, Some("log"), &["get"]),
    (Kind::ResourceQuota, None, &["list"]),
    // Never read: what is created once needs only to be deleted.
    (Kind::Secret, None, &["create", "delete"]),
    (Kind::Service, None, &["create", "delete", "list"]),
];

/// Asks whether whoever runs this may do it.
pub(crate) async fn rights(cluster: &Cluster, shape: Shape) -> Result<(), Failure> {
    if matches!(shape, Shape::Nodes(_)) {
        match cluster.get(&format!("/apis/{}", LEADER_WORKER_SET.0)).await {
            Err(failure) if failure.is(404) => {
                return Err(
                    Failure::new("the kind LeaderWorkerSet is not known").help(NO_SETS_HELP)
                );
            }
            Err(failure) if failure.is(403) => {}
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
    }
    let mut missing = Vec::new();
    for (kind, sub, verbs) in RIGHTS {
        let other = match shape {
            Shape::Nodes(_) => Kind::Job,
            Shape::Shards(_) => Kind::LeaderWorkerSet,
        };
        // A run of one shape needs nothing of the other but to see that it has none.
        if kind == other {
            continue;
        }
        let (group, plural) = kind.resource();
        for verb in verbs {
            let mut attributes = json!({ "namespace": cluster.namespace(), "group": group, "resource": plural, "verb": verb });
            if let Some(sub) = sub {
                attributes["subresource"] = json!(sub);
            }
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": { "resourceAttributes": attributes },
            });
            let answer = cluster
                .ask(
                    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    &review,
                )
                .await?;
            if answer["status"]["allowed"] != true {
                let sub = sub.map_or(String::new(), |sub| format!("/{sub}"));
                missing.push(format!("{verb} {plural}{sub}"));
            }
        }
    }
    // Clusters differ in which verb opens an exec by WebSocket; one of both is enough.
    let exec = |verb: &str| missing.contains(&format!("{verb} pods/exec"));
    if !(exec("create") && exec("get")) {
        missing.retain(|right| !right.ends_with("pods/exec"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the rights of this account do not do in the namespace {}: it may not {}",
        cluster.namespace(),
        missing.join(", ")
    ))
    .help("fixtures/kubernetes/rbac.yaml is a role with all of them"))
}

/// Asks whether the quotas of the namespace have room for the run.
pub(crate) async fn quotas(cluster: &Cluster, manifest: &Manifest) -> Result<(), Failure> {
    let quotas = cluster
        .get(&Kind::ResourceQuota.path(cluster.namespace()))
        .await?;
    let asked = asked(manifest);
    for quota in quotas["items"].as_array().into_iter().flatten() {
        // A quota of a scope counts only some pods.
        let scoped = |key: &str| {
            quota["spec"][key]
                .as_array()
                .is_some_and(|list| !list.is_empty())
        };
        if scoped("scopes") || quota["spec"]["scopeSelector"].is_object() {
            continue;
        }
        let too_much = too_much(&quota["status"], &asked);
        if !too_much.is_empty() {
            let name = quota["metadata"]["name"].as_str().unwrap_or_default();
            return Err(Failure::new(format!(
                "the quota {name} of the namespace {} has no room for this run: {}",
                cluster.namespace(),
                too_much.join("; ")
            ))
            .help(QUOTA_HELP));
        }
    }
    Ok(())
}

/// What the pods of a run ask for, by the names that quotas have for it.
pub(crate) fn asked(manifest: &Manifest) -> BTreeMap<String, Quantity> {
    let mut out: BTreeMap<String, Quantity> = BTreeMap::new();
    let pods = manifest.shape.pods();
    let mut add = |name: String, amount: Quantity| {
        let sum = out.entry(name).or_insert(Quantity::ZERO);
        *sum = sum.plus(amount.times(pods));
    };
    add("pods".to_owned(), Quantity::whole(1));
    add("count/pods".to_owned(), Quantity::whole(1));
    let template = manifest.objects.iter().find_map(|object| {
        let places = [
            "/spec/leaderWorkerTemplate/workerTemplate/spec/containers",
            "/spec/template/spec/containers",
        ];
        places.iter().find_map(|place| object.pointer(place))
    });
    for container in template.and_then(Value::as_array).into_iter().flatten() {
        let resources = &container["resources"];
        let amounts = |key: &str| -> BTreeMap<String, Quantity> {
            let map = resources[key].as_object().into_iter().flatten();
            map.filter_map(|(name, amount)| {
                Some((name.clone(), Quantity::parse(amount.as_str()?)?))
            })
            .collect()
        };
        let (limits, mut requests) = (amounts("limits"), amounts("requests"));
        // What has a limit alone is asked for as much.
        for (name, amount) in &limits {
            requests.entry(name.clone()).or_insert(*amount);
        }
        for (name, amount) in &limits {
            add(format!("limits.{name}"), *amount);
        }
        for (name, amount) in requests {
            if ["cpu", "memory", "ephemeral-storage"].contains(&&*name) {
                add(name.clone(), amount);
            }
            add(format!("requests.{name}"), amount);
        }
    }
    out
}

/// Each amount that is beyond what a quota has left.
fn too_much(status: &Value, asked: &BTreeMap<String, Quantity>) -> Vec<String> {
    let amount = |table: &str, name: &str| status[table][name].as_str().and_then(Quantity::parse);
    let mut out = Vec::new();
    for (name, wanted) in asked {
        let Some(hard) = amount("hard", name) else {
            continue;
        };
        let used = amount("used", name).unwrap_or(Quantity::ZERO);
        if used.plus(*wanted) > hard {
            out.push(format!(
                "{name}: {wanted} are asked for, {used} of {hard} are used"
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{RunId, Settings, Subject};

    fn manifest() -> Manifest {
        let text = "[kubernetes]\nimage = \"x:1\"\ncpu = 4\nmemory = \"8Gi\"\naccelerators = 2\n";
        let settings = Settings::parse(text, "s.toml").unwrap();
        let run = RunId::parse("abc123").unwrap();
        Manifest::render(
            Subject::Shards {
                name: "x",
                count: 3,
            },
            &settings,
            &run,
        )
        .unwrap()
    }

    #[test]
    fn all_pods_and_both_containers_are_counted() {
        let asked = asked(&manifest());
        let said = |name: &str| asked[name].to_string();
        assert_eq!(said("pods"), "3");
        assert_eq!(said("requests.huawei.com/ascend-1980"), "6");
        assert_eq!(said("requests.cpu"), "12030m");
        assert_eq!(said("cpu"), "12030m");
        // A limit alone is a request too; the small container asks for less than its limit.
        assert_eq!(said("limits.memory"), "25344Mi");
        assert_eq!(said("requests.memory"), "24768Mi");
    }

    #[test]
    fn a_quota_with_room_says_nothing_and_a_small_one_what_is_too_much() {
        let asked = asked(&manifest());
        let quota = |used: &str| json!({ "hard": { "requests.huawei.com/ascend-1980": "32", "services": "5" }, "used": { "requests.huawei.com/ascend-1980": used } });
        assert!(too_much(&quota("26"), &asked).is_empty());
        assert_eq!(
            too_much(&quota("27"), &asked),
            ["requests.huawei.com/ascend-1980: 6 are asked for, 27 of 32 are used"]
        );
    }
}
