//! Where a block's requests go: from `route`, `backend`, `endpoint` and `task`.

use tribunal_deploy::tree::Node;
use tribunal_vocabulary::nearest;

use crate::case::Around;
use crate::data::Refusal;
use crate::fields::Fields;
use crate::reader::Reader;
use crate::route::{self, Backend};
use tribunal_traffic::Route;

impl Reader<'_> {
    /// Where requests go, whether answers are streamed, and why that cannot be.
    pub fn route(
        &mut self,
        fields: &Fields<'_>,
        around: &Around,
    ) -> (Route, bool, Option<Refusal>) {
        let task = fields.get("task").and_then(Node::text);
        let by_task = task.and_then(route::of_task);
        let (by_path, unsent) = self.endpoint(fields, around);
        let mut refused = None;
        let (route, stream) = if let Some(entry) = fields.entry("route") {
            let found = entry
                .node
                .text()
                .and_then(|name| route::ROUTES.iter().find(|(there, _, _)| *there == name));
            match found {
                Some((_, _, route)) => (*route, route::streams(*route)),
                None => {
                    let names = route::ROUTES.map(|(name, _, _)| name);
                    let text = entry.node.text().unwrap_or_default();
                    let help = nearest(text, names).map_or_else(
                        || format!("there are: {}", names.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.mistake(entry.node.at, format!("`{text}` is no route"), Some(help));
                    (Route::Chat, true)
                }
            }
        } else if let Some(entry) = fields.entry("backend") {
            let name = self.text(entry).unwrap_or_default();
            match route::backend(&name) {
                Ok(Backend::Route(route, stream)) => {
                    if let Some(there) = by_path
                        && there != route
                    {
                        let at = fields
                            .entry("endpoint")
                            .map_or(entry.node.at, |entry| entry.node.at);
                        self.mistake(
                            at,
                            format!("the backend `{name}` does not speak to `{}`", there.path()),
                            Some(format!("it speaks to `{}`", route.path())),
                        );
                    }
                    (route, stream)
                }
                Ok(Backend::ByTask) => {
                    let route = by_path.or(by_task).unwrap_or(Route::Images);
                    (route, route::streams(route))
                }
                Ok(Backend::Unread(why)) => {
                    refused = Some(Refusal {
                        why: format!("the backend `{name}` cannot be measured: {why}"),
                        help: "measure it with the client that the file was written for: --vllm-bench renders its command".to_owned(),
                    });
                    (Route::Chat, true)
                }
                Err(near) => {
                    if !name.is_empty() {
                        let help = near.map_or_else(
                            || "docs/workloads.md lists them".to_owned(),
                            |near| format!("did you mean `{near}`?"),
                        );
                        self.mistake(
                            entry.node.at,
                            format!("there is no backend `{name}`"),
                            Some(help),
                        );
                    }
                    (Route::Chat, true)
                }
            }
        } else {
            // The diffusion files name a task and no backend.
            let diffusion = fields.get("dataset").is_some().then_some(Route::Images);
            let route = by_path.or(by_task).or(diffusion).unwrap_or(Route::Chat);
            (route, route::streams(route))
        };
        let said = fields.entry("stream").and_then(|entry| self.bool(entry));
        let stream = said.unwrap_or(stream);
        (route, stream, refused.or(unsent))
    }

    /// The route of the `endpoint`, of the block or of the case.
    fn endpoint(
        &mut self,
        fields: &Fields<'_>,
        around: &Around,
    ) -> (Option<Route>, Option<Refusal>) {
        let own = fields
            .entry("endpoint")
            .map(|entry| (entry.node.text().map(str::to_owned), entry.node.at));
        let Some((Some(path), at)) =
            own.or_else(|| around.endpoint.clone().map(|(path, at)| (Some(path), at)))
        else {
            return (None, None);
        };
        let plain = path.trim_end_matches('/');
        if let Some((_, _, route)) = route::ROUTES.iter().find(|(_, there, _)| *there == plain) {
            return (Some(*route), None);
        }
        if let Some(near) = nearest(plain, route::ROUTES.map(|(_, path, _)| path)) {
            self.mistake(
                at,
                format!("nothing is sent to `{path}`"),
                Some(format!("did you mean `{near}`?")),
            );
            return (None, None);
        }
        let paths = route::ROUTES.map(|(_, path, _)| path);
        let refusal = Refusal {
            why: format!("nothing is sent to `{path}` here"),
            help: format!("there are: {}", paths.join(", ")),
        };
        (None, Some(refusal))
    }
}
