//! The kinds of objects that a run touches.

use crate::render::LEADER_WORKER_SET;

/// A kind of object of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    ConfigMap,
    Event,
    Job,
    LeaderWorkerSet,
    Pod,
    ResourceQuota,
    Secret,
    Service,
}

impl Kind {
    /// The kind of an object that is to be created.
    pub fn of(object: &serde_json::Value) -> Option<Kind> {
        Some(match object["kind"].as_str()? {
            "ConfigMap" => Kind::ConfigMap,
            "Job" => Kind::Job,
            "LeaderWorkerSet" => Kind::LeaderWorkerSet,
            "Secret" => Kind::Secret,
            "Service" => Kind::Service,
            _ => return None,
        })
    }

    /// The group, empty for the oldest one, and the name in the plural: as rights are given.
    pub fn resource(self) -> (&'static str, &'static str) {
        match self {
            Kind::ConfigMap => ("", "configmaps"),
            Kind::Event => ("", "events"),
            Kind::Job => ("batch", "jobs"),
            Kind::LeaderWorkerSet => ("leaderworkerset.x-k8s.io", "leaderworkersets"),
            Kind::Pod => ("", "pods"),
            Kind::ResourceQuota => ("", "resourcequotas"),
            Kind::Secret => ("", "secrets"),
            Kind::Service => ("", "services"),
        }
    }

    /// Where objects of the kind are.
    pub fn path(self, namespace: &str) -> String {
        let (_, plural) = self.resource();
        let version = match self {
            Kind::Job => "apis/batch/v1",
            Kind::LeaderWorkerSet => {
                return format!(
                    "/apis/{}/namespaces/{namespace}/{plural}",
                    LEADER_WORKER_SET.0
                );
            }
            _ => "api/v1",
        };
        format!("/{version}/namespaces/{namespace}/{plural}")
    }

    /// What it is called in a message.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ConfigMap => "ConfigMap",
            Kind::Event => "Event",
            Kind::Job => "Job",
            Kind::LeaderWorkerSet => "LeaderWorkerSet",
            Kind::Pod => "Pod",
            Kind::ResourceQuota => "ResourceQuota",
            Kind::Secret => "Secret",
            Kind::Service => "Service",
        }
    }
}
