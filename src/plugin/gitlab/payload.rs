//! The parts of GitLab's webhook payloads that Ostler reads.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever hook.
    Payload {
        object_kind: Text,
        /// `confidential_issue`, `award`, …; a system hook has only this.
        event_type: Text,
        /// What group, project and system hooks have in place of an object's kind.
        event_name: Text,
        /// What was done, for hooks that keep it beside the object.
        action: Text,
        user: Maybe<User>,
        /// Who pushed, in three fields.
        user_id: Text,
        user_name: Text,
        user_username: Text,
        project: Maybe<Project>,
        object_attributes: Maybe<Attributes>,
        assignees: Maybe<Vec<User>>,
        labels: Maybe<Vec<Label>>,
        changes: Maybe<Changes>,
        issue: Maybe<Attributes>,
        work_item: Maybe<Attributes>,
        merge_request: Maybe<Attributes>,
        commit: Maybe<Commit>,
        snippet: Maybe<Attributes>,
        #[serde(rename = "ref")]
        reference: Text,
        before: Text,
        after: Text,
        commits: Maybe<Vec<Commit>>,
        /// A job's name.
        build_name: Text,
        /// A job's state.
        build_status: Text,
        build_started_at: Text,
        build_finished_at: Text,
        /// A job's commit.
        sha: Text,
        /// A deployment's state.
        status: Text,
        status_changed_at: Text,
        /// A deployment's place.
        environment: Text,
        /// A release's tag.
        tag: Text,
        released_at: Text,
        created_at: Text,
    }

    User {
        id: Text,
        username: Text,
        name: Text,
    }

    Project {
        path_with_namespace: Text,
        default_branch: Text,
        web_url: Text,
        /// 0 for members, 10 for whoever is logged in, 20 for everybody.
        visibility_level: Maybe<i64>,
    }

    /// What happened to the hook's object, or the object that a comment stands under.
    Attributes {
        id: Text,
        iid: Maybe<i64>,
        title: Text,
        description: Text,
        state: Text,
        /// `Issue`, `Incident`, `Task`, ….
        #[serde(rename = "type")]
        kind: Text,
        action: Text,
        url: Text,
        created_at: Text,
        updated_at: Text,
        finished_at: Text,
        /// A comment's text.
        note: Text,
        /// What a comment stands under.
        noteable_type: Text,
        /// Where in a diff a comment stands.
        position: Maybe<Position>,
        /// Whether GitLab wrote a comment by itself.
        system: Maybe<bool>,
        source_branch: Text,
        target_branch: Text,
        last_commit: Maybe<Commit>,
        /// The commit before, where commits came to a merge request.
        oldrev: Text,
        labels: Maybe<Vec<Label>>,
        /// A pipeline's state.
        status: Text,
        sha: Text,
        /// A wiki page's name.
        slug: Text,
    }

    Position {
        position_type: Text,
    }

    Label {
        title: Text,
    }

    Commit {
        id: Text,
        timestamp: Text,
        added: Maybe<Vec<String>>,
        modified: Maybe<Vec<String>>,
        removed: Maybe<Vec<String>>,
    }

    Changes {
        assignees: Maybe<People>,
        reviewers: Maybe<People>,
        labels: Maybe<LabelChange>,
    }

    People {
        previous: Maybe<Vec<User>>,
        current: Maybe<Vec<User>>,
    }

    LabelChange {
        previous: Maybe<Vec<Label>>,
        current: Maybe<Vec<Label>>,
    }
}
