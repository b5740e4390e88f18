//! Conversations: what a cluster may do, and what comes of it.

use futures_util::StreamExt;
use serde_json::json;
use tribunal_kubernetes::{Outcome, Said, collect_run, delete_run, logs_of, status_of};

use super::script::{Answer, Script, Step};
use super::state::World;
use super::{RUN, cluster, converse, id, pair, shards};

#[tokio::test]
async fn a_run_from_start_to_end() {
    let over = converse(&pair(), Script::good(0)).await;
    assert_eq!(over.report.outcome, Outcome::Ended(0), "{:?}", over.said);
    assert_eq!(over.report.code(), 0);
    assert_eq!(over.report.missing, Vec::<String>::new());
    assert_eq!(over.log(), ["one", "two", "three"]);
    over.clean();
    // The evidence of both pods is there, and what the cluster knew.
    let read = |path: &str| {
        std::fs::read_to_string(over.folder.path().join(path))
            .unwrap_or_else(|why| panic!("{path}: {why}"))
    };
    assert!(read("node-0/evidence/run-1/events.jsonl").contains("run_ended"));
    assert!(read("node-1/evidence/run-1/events.jsonl").contains("run_ended"));
    assert_eq!(read("node-0/tribunal.log"), "one\ntwo\nthree\n");
    assert!(read("node-0/pod.json").contains("pair-abc123-0"));
    assert!(read("manifest.yaml").contains("LeaderWorkerSet"));
    assert!(read("events.json").starts_with('['));
    assert!(!over.folder.path().join("node-0/evidence.tar").exists());
}

#[tokio::test]
async fn the_token_is_in_the_secret_and_nowhere_else() {
    let over = converse(&pair(), Script::good(0)).await;
    let with_token: Vec<_> = over.world.with(|state| {
        let all = state
            .created
            .iter()
            .filter(|object| object.to_string().contains("t0ken-of-the-run"));
        all.map(|object| object["kind"].clone()).collect()
    });
    assert_eq!(with_token, ["Secret"]);
    for entry in walk(over.folder.path()) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        assert!(!text.contains("t0ken-of-the-run"), "{}", entry.display());
    }
    assert!(!format!("{:?}", over.said).contains("t0ken-of-the-run"));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            out.extend(walk(&entry.path()));
        } else {
            out.push(entry.path());
        }
    }
    out
}

#[tokio::test]
async fn the_status_of_the_harness_is_the_result() {
    let over = converse(&pair(), Script::good(101)).await;
    assert_eq!(over.report.outcome, Outcome::Ended(101));
    assert_eq!(over.report.code(), 101);
    over.clean();
}

#[tokio::test]
async fn a_status_of_0_without_an_event_log_is_no_success() {
    let no_end = Script {
        event_log: None,
        ..Script::good(0)
    };
    let over = converse(&pair(), no_end).await;
    assert!(
        over.failure()
            .contains("its event log does not say that the run ended"),
        "{}",
        over.failure()
    );
    over.clean();
    let nothing = Script {
        no_evidence: true,
        ..Script::good(0)
    };
    let over = converse(&pair(), nothing).await;
    assert!(
        over.failure().contains("there is no event log of it"),
        "{}",
        over.failure()
    );
    assert!(
        over.report
            .missing
            .join("\n")
            .contains("tar failed: tar: /tribunal/evidence"),
        "{:?}",
        over.report.missing
    );
    over.clean();
    let other = Script {
        event_log: Some(101),
        ..Script::good(0)
    };
    let over = converse(&pair(), other).await;
    assert!(
        over.failure().contains("its event log with [101]"),
        "{}",
        over.failure()
    );
}

#[tokio::test]
async fn a_quota_that_is_too_small_is_told_before_anything_is_created() {
    let quota = json!({
        "metadata": { "name": "team" },
        "status": {
            "hard": { "requests.huawei.com/ascend-1980": "32", "pods": "100" },
            "used": { "requests.huawei.com/ascend-1980": "24", "pods": "3" },
        },
    });
    let script = Script {
        quotas: vec![quota],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let told = over.failure();
    assert!(told.contains("the quota team"), "{told}");
    assert!(
        told.contains("requests.huawei.com/ascend-1980: 16 are asked for, 24 of 32 are used"),
        "{told}"
    );
    assert!(over.world.with(|state| state.created.is_empty()));
    over.clean();
}

#[tokio::test]
async fn a_quota_that_refuses_later_is_told_from_the_events() {
    let script = Script {
        pods: vec![vec![]],
        events: vec![(
            "FailedCreate",
            "StatefulSet",
            "pods \"pair-abc123-0\" is forbidden: exceeded quota: team, requested: pods=1",
        )],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let told = over.failure();
    assert!(
        told.contains("StatefulSet pair-abc123-0 cannot create its pods")
            && told.contains("exceeded quota: team"),
        "{told}"
    );
    assert!(told.contains("kubectl describe resourcequota"), "{told}");
    over.clean();
}

#[tokio::test]
async fn rights_that_are_missing_are_told_all_at_once() {
    let script = Script {
        denied: vec![
            ("create", "secrets"),
            ("get", "pods/log"),
            ("create", "pods/exec"),
        ],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let told = over.failure();
    // One of the two verbs of exec does.
    assert!(
        told.contains("it may not get pods/log, create secrets"),
        "{told}"
    );
    assert!(told.contains("rbac.yaml"), "{told}");
    over.clean();
}

#[tokio::test]
async fn a_cluster_without_sets_says_so() {
    let script = Script {
        no_sets: true,
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    assert!(
        over.failure()
            .contains("this cluster has no LeaderWorkerSet"),
        "{}",
        over.failure()
    );
    over.clean();
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_ends_the_start_at_once() {
    let script = Script {
        pods: vec![vec![
            Step::Waiting("ErrImagePull", "not found"),
            Step::Waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"x:1\": not found",
            ),
        ]],
        ..Script::good(0)
    };
    let start = std::time::Instant::now();
    let over = converse(&pair(), script).await;
    let told = over.failure();
    assert!(
        told.contains("cannot start: ImagePullBackOff: Back-off pulling image \"x:1\""),
        "{told}"
    );
    assert!(told.contains("image_pull_secrets"), "{told}");
    assert!(start.elapsed() < super::patience().start);
    over.clean();
}

#[tokio::test]
async fn a_pod_without_a_machine_is_given_its_time() {
    let script = Script {
        pods: vec![
            vec![Step::Ready],
            vec![Step::Unschedulable(
                "0/9 nodes are available: 9 Insufficient huawei.com/ascend-1980",
            )],
        ],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let told = over.failure();
    assert!(
        told.contains("node 1 (pod pair-abc123-0-1) finds no machine")
            && told.contains("Insufficient huawei.com/ascend-1980"),
        "{told}"
    );
    over.clean();
}

#[tokio::test]
async fn a_pod_that_is_never_ready_ends_at_the_limit_with_what_is_known() {
    let script = Script {
        pods: vec![
            vec![Step::Ready],
            vec![Step::Waiting("ContainerCreating", "")],
        ],
        events: vec![(
            "FailedMount",
            "Pod",
            "MountVolume.SetUp failed for volume \"models\"",
        )],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let told = over.failure();
    assert!(
        told.contains("1 of 2 pods are ready; node 1 (pod pair-abc123-0-1): ContainerCreating"),
        "{told}"
    );
    assert!(
        told.contains("FailedMount: MountVolume.SetUp failed"),
        "{told}"
    );
    over.clean();
}

#[tokio::test]
async fn a_node_that_fails_while_the_first_one_goes_on_is_the_cause() {
    let script = Script {
        pods: vec![vec![Step::Ready], vec![Step::Ready, Step::Ended(1)]],
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    assert!(
        over.failure().contains(
            "node 1 (pod pair-abc123-0-1) ended with exit status 1, and node 0 did not end"
        ),
        "{}",
        over.failure()
    );
    over.clean();
}

#[tokio::test]
async fn a_pod_that_is_evicted_or_gone_is_the_cause() {
    for (step, want) in [
        (
            Step::Evicted("the node was low on memory"),
            "failed: Evicted: the node was low on memory",
        ),
        (Step::Vanishes, "node 1 is gone"),
    ] {
        let script = Script {
            pods: vec![
                vec![Step::Ready, Step::Ready, Step::Ready],
                vec![Step::Ready, Step::Ready, step],
            ],
            ..Script::good(0)
        };
        let over = converse(&pair(), script).await;
        assert!(over.failure().contains(want), "{}", over.failure());
        over.clean();
    }
}

#[tokio::test]
async fn a_watch_that_is_cut_closed_or_too_old_loses_nothing() {
    for answer in [
        Answer::TooOld,
        Answer::Close,
        Answer::Cut,
        Answer::Silence(0),
        Answer::Status(410, None, "expired"),
        Answer::Status(500, None, "x"),
    ] {
        for from in 1..=3 {
            let script = Script::good(0).fault("watch", "pods", from, answer.clone());
            let over = converse(&pair(), script).await;
            assert_eq!(over.report.outcome, Outcome::Ended(0), "{answer:?} {from}");
            over.clean();
        }
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_broken_is_asked_again() {
    let answers = [
        Answer::Status(429, None, "slow down"),
        Answer::Status(500, None, "broken"),
        Answer::Status(503, None, "away"),
        Answer::Cut,
    ];
    let calls = [
        ("create", "selfsubjectaccessreviews"),
        ("list", "resourcequotas"),
        ("create", "configmaps"),
        ("create", "secrets"),
        ("create", "services"),
        ("create", "leaderworkersets"),
        ("list", "pods"),
        ("list", "leaderworkersets"),
        ("delete", "leaderworkersets"),
        ("delete", "secrets"),
        ("delete", "configmaps"),
    ];
    let all = answers
        .iter()
        .flat_map(|answer| calls.iter().map(move |call| (answer.clone(), *call)));
    let overs = all.map(|(answer, (verb, resource))| async move {
        let over = converse(
            &pair(),
            Script::good(0).fault(verb, resource, 1, answer.clone()),
        )
        .await;
        (answer, verb, resource, over)
    });
    let overs: Vec<_> = futures_util::stream::iter(overs)
        .buffer_unordered(8)
        .collect()
        .await;
    for (answer, verb, resource, over) in overs {
        assert_eq!(
            over.report.outcome,
            Outcome::Ended(0),
            "{answer:?} {verb} {resource}"
        );
        over.clean();
    }
}

#[tokio::test]
async fn what_a_busy_server_asks_for_is_waited_for() {
    let start = std::time::Instant::now();
    let over = converse(
        &pair(),
        Script::good(0).fault(
            "create",
            "configmaps",
            1,
            Answer::Status(429, Some(1), "slow down"),
        ),
    )
    .await;
    assert_eq!(over.report.outcome, Outcome::Ended(0));
    assert!(start.elapsed().as_millis() >= 1000, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_stays_broken_is_a_failure_with_its_words_and_nothing_is_left() {
    for resource in ["configmaps", "secrets", "services", "leaderworkersets"] {
        let script = Script::good(0).always(
            "create",
            resource,
            Answer::Status(500, None, "etcd is away"),
        );
        let over = converse(&pair(), script).await;
        assert!(
            over.failure()
                .contains(&format!("{resource}: 500: etcd is away")),
            "{}",
            over.failure()
        );
        over.clean();
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let script = Script::good(0).fault(
        "create",
        "leaderworkersets",
        1,
        Answer::Status(422, None, "spec is invalid"),
    );
    let over = converse(&pair(), script).await;
    assert!(
        over.failure().contains("422: spec is invalid"),
        "{}",
        over.failure()
    );
    over.clean();
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_nothing_twice_and_leaves_nothing() {
    for resource in ["configmaps", "secrets", "services", "leaderworkersets"] {
        let over = converse(
            &pair(),
            Script::good(0).fault("create", resource, 1, Answer::DoneAndCut),
        )
        .await;
        assert_eq!(over.report.outcome, Outcome::Ended(0), "{resource}");
        over.clean();
    }
}

#[tokio::test]
async fn a_log_that_breaks_or_stands_still_is_taken_up_where_it_was_left() {
    for answer in [
        Answer::Breaks(1),
        Answer::Breaks(2),
        Answer::Silence(1),
        Answer::Status(500, None, "x"),
        Answer::Cut,
    ] {
        let script = Script {
            pods: vec![
                // Long enough for the log to be opened a second time.
                [
                    vec![Step::Ready; 40],
                    vec![Step::Ended(0), Step::Restarted(0)],
                ]
                .concat(),
                vec![Step::Ready],
            ],
            ..Script::good(0)
        };
        let over = converse(&pair(), script.fault("get", "pods/log", 1, answer.clone())).await;
        assert_eq!(over.report.outcome, Outcome::Ended(0), "{answer:?}");
        assert_eq!(over.log(), ["one", "two", "three"], "{answer:?}");
        over.clean();
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_had_decides_nothing() {
    let over = converse(
        &pair(),
        Script::good(0).always("get", "pods/log", Answer::Silence(0)),
    )
    .await;
    assert_eq!(over.report.outcome, Outcome::Ended(0));
    assert!(
        over.report
            .missing
            .join("\n")
            .contains("the log stood still"),
        "{:?}",
        over.report.missing
    );
    over.clean();
}

#[tokio::test]
async fn what_does_not_go_away_is_named() {
    let script = Script {
        stuck: true,
        ..Script::good(0)
    };
    let over = converse(&pair(), script).await;
    let stays = over.report.stays.join("\n");
    assert!(
        stays.contains(
            "LeaderWorkerSet pair-abc123 (it is being deleted; it waits for foregroundDeletion)"
        ),
        "{stays}"
    );
    assert!(stays.contains("Pod pair-abc123-0"), "{stays}");
    // The run can still be found by its ConfigMap, and what could be deleted is.
    let left = over.world.left(RUN);
    assert!(
        left.contains(&"configmaps/pair-abc123".to_owned()),
        "{left:?}"
    );
    assert!(
        !left
            .iter()
            .any(|name| name.starts_with("services/") || name.starts_with("secrets/")),
        "{left:?}"
    );
    assert_eq!(over.report.code(), 1);
}

#[tokio::test]
async fn shards_end_by_themselves_and_a_failure_wins() {
    let script = Script {
        pods: vec![
            vec![Step::Ready, Step::Ended(0)],
            vec![Step::Ready, Step::Ended(101)],
            vec![Step::Ready, Step::Ready, Step::Ended(5)],
        ],
        event_log: Some(0),
        ..Script::good(0)
    };
    let over = converse(&shards(), script).await;
    assert_eq!(over.report.outcome, Outcome::Ended(101));
    over.clean();
    assert!(
        over.folder
            .path()
            .join("node-2/evidence/run-1/events.jsonl")
            .exists()
    );
}

/// A run that somebody interrupts at one of its calls: nothing is left, whichever it is.
async fn interrupted(times: u32) {
    let calls = converse(&pair(), Script::good(0))
        .await
        .world
        .with(|state| state.calls.len());
    assert!(calls > 30, "{calls}");
    let runs = (1..=calls + 5).map(|at| async move {
        let script = Script {
            interrupt: Some((at, times)),
            ..Script::good(0)
        };
        (at, converse(&pair(), script).await)
    });
    let runs: Vec<_> = futures_util::stream::iter(runs)
        .buffer_unordered(8)
        .collect()
        .await;
    let mut stopped = 0;
    for (at, over) in runs {
        assert_eq!(
            over.world.left(RUN),
            Vec::<String>::new(),
            "interrupted at call {at}: {:?}",
            over.said
        );
        assert_eq!(
            over.report.stays,
            Vec::<String>::new(),
            "interrupted at call {at}"
        );
        if over.report.outcome == Outcome::Interrupted {
            assert_eq!(over.report.code(), 130);
            stopped += 1;
        }
    }
    assert!(stopped > 20, "{stopped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_at_every_call_leaves_nothing() {
    interrupted(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_twice_at_every_call_leaves_nothing() {
    interrupted(2).await;
}

#[tokio::test]
async fn ctrl_c_while_an_answer_is_lost_leaves_nothing() {
    for resource in ["configmaps", "secrets", "services", "leaderworkersets"] {
        // The call that creates it is the one that is interrupted: it is done, and nobody hears of it.
        let before = converse(&pair(), Script::good(0))
            .await
            .world
            .with(|state| {
                let mut calls = state.calls.iter();
                calls
                    .position(|call| call.verb == "create" && call.resource == resource)
                    .unwrap()
            });
        let script = Script {
            interrupt: Some((before + 1, 1)),
            ..Script::good(0)
        };
        let over = converse(
            &pair(),
            script.fault("create", resource, 1, Answer::DoneAndCut),
        )
        .await;
        assert_eq!(over.report.outcome, Outcome::Interrupted);
        over.clean();
    }
}

#[tokio::test]
async fn ctrl_c_while_a_server_is_slow_leaves_nothing() {
    for resource in ["configmaps", "secrets", "services", "leaderworkersets"] {
        let before = converse(&pair(), Script::good(0))
            .await
            .world
            .with(|state| {
                let mut calls = state.calls.iter();
                calls
                    .position(|call| call.verb == "create" && call.resource == resource)
                    .unwrap()
            });
        // Twice at once: nothing is collected, and the deletion would be over before the object is there.
        let script = Script {
            interrupt: Some((before + 1, 2)),
            ..Script::good(0)
        };
        let over = converse(
            &pair(),
            script.fault("create", resource, 1, Answer::Late(600)),
        )
        .await;
        assert_eq!(over.report.outcome, Outcome::Interrupted);
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        over.clean();
    }
}

#[tokio::test]
async fn a_run_that_somebody_else_started_is_looked_at_collected_and_deleted() {
    let world = World::new(Script::good(0));
    let cluster = cluster(&world).await;
    for object in &pair().objects {
        let kind = object["kind"].as_str().unwrap();
        let resource = format!("{}s", kind.to_lowercase());
        world.create(&resource, object.clone()).unwrap();
    }
    world.create("secrets", json!({ "metadata": { "name": "pair-abc123-token", "labels": { "tribunal/run": RUN } } })).unwrap();
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let own = std::sync::Arc::clone(&said);
    let tell: tribunal_kubernetes::Tell =
        std::sync::Arc::new(move |what| own.lock().unwrap().push(what));
    // The pods come to life meanwhile.
    while status_of(&cluster, Some(&id())).await.unwrap()[0]
        .pods
        .len()
        < 2
    {
        tokio::task::yield_now().await;
    }
    logs_of(&cluster, &id(), 0, &tell).await.unwrap();
    let lines: Vec<_> = said
        .lock()
        .unwrap()
        .iter()
        .filter(|said| matches!(said, Said::Log { .. }))
        .cloned()
        .collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let missing = logs_of(&cluster, &id(), 7, &tell).await.unwrap_err();
    assert!(missing.to_string().contains("there are: 0, 1"), "{missing}");

    let all = status_of(&cluster, None).await.unwrap();
    assert_eq!((all.len(), &*all[0].run, all[0].pods.len()), (1, RUN, 2));

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        collect_run(&cluster, &id(), folder.path()).await.unwrap(),
        Vec::<String>::new()
    );
    assert!(
        folder
            .path()
            .join("node-0/evidence/run-1/events.jsonl")
            .exists()
    );

    assert_eq!(
        delete_run(&cluster, &id()).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(world.left(RUN), Vec::<String>::new());
    let none = delete_run(&cluster, &id()).await.unwrap_err();
    assert!(
        none.to_string()
            .contains("there is nothing of the run abc123"),
        "{none}"
    );
}

/// To try the program by hand: `KUBECONFIG` of a cluster that is this script, for a minute.
#[tokio::test]
#[ignore = "serves for whoever wants to look"]
async fn serve_for_a_while() {
    let script = Script {
        pods: vec![
            [
                vec![Step::Waiting("ContainerCreating", "")],
                vec![Step::Ready; 300],
                vec![Step::Ended(0)],
            ]
            .concat(),
            vec![Step::Ready],
        ],
        ..Script::good(0)
    };
    let world = World::new(script);
    let server = super::server::serve(world.clone()).await;
    let file = std::env::temp_dir().join("tribunal-scripted-cluster.yaml");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: s\ncontexts: [{{name: s, context: {{cluster: s, user: u, namespace: tests}}}}]\nclusters: [{{name: s, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    println!("KUBECONFIG={}", file.display());
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    println!(
        "left: {:?}",
        world.with(|state| state.objects.keys().cloned().collect::<Vec<_>>())
    );
    let _ = std::fs::remove_file(file);
}
