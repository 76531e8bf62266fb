//! The parts of GitHub's webhook payloads that Ostler reads.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever event.
    Payload {
        action: Text,
        sender: Maybe<User>,
        repository: Maybe<Repository>,
        issue: Maybe<Issue>,
        pull_request: Maybe<PullRequest>,
        comment: Maybe<Comment>,
        review: Maybe<Comment>,
        label: Maybe<Label>,
        assignee: Maybe<User>,
        requested_reviewer: Maybe<User>,
        requested_team: Maybe<Label>,
        check_run: Maybe<CheckRun>,
        installation: Maybe<Installation>,
        #[serde(rename = "ref")]
        reference: Text,
        before: Text,
        after: Text,
        commits: Maybe<Vec<Commit>>,
        head_commit: Maybe<Commit>,
    }

    User {
        login: Text,
        #[serde(rename = "type")]
        kind: Text,
    }

    Repository {
        full_name: Text,
        default_branch: Text,
        private: Maybe<bool>,
        /// When commits last arrived: seconds here, text there.
        pushed_at: Text,
    }

    Issue {
        number: Maybe<i64>,
        user: Maybe<User>,
        author_association: Text,
        title: Text,
        body: Text,
        state: Text,
        html_url: Text,
        updated_at: Text,
        labels: Maybe<Vec<Label>>,
        assignee: Maybe<User>,
        /// There exactly where the issue is a pull request.
        pull_request: Maybe<PullRequest>,
        #[serde(rename = "type")]
        kind: Maybe<Label>,
    }

    PullRequest {
        number: Maybe<i64>,
        user: Maybe<User>,
        author_association: Text,
        title: Text,
        body: Text,
        state: Text,
        html_url: Text,
        updated_at: Text,
        labels: Maybe<Vec<Label>>,
        assignee: Maybe<User>,
        head: Maybe<Reference>,
        base: Maybe<Reference>,
    }

    Reference {
        #[serde(rename = "ref")]
        name: Text,
        sha: Text,
    }

    /// A comment or a review.
    Comment {
        id: Text,
        user: Maybe<User>,
        author_association: Text,
        body: Text,
        html_url: Text,
        created_at: Text,
        submitted_at: Text,
        /// What a review comes to.
        state: Text,
    }

    /// Anything of which only the name matters.
    Label {
        name: Text,
    }

    /// What runs checks.
    App {
        slug: Text,
    }

    CheckRun {
        id: Text,
        name: Text,
        head_sha: Text,
        status: Text,
        conclusion: Text,
        started_at: Text,
        completed_at: Text,
        app: Maybe<App>,
        pull_requests: Maybe<Vec<PullRequest>>,
    }

    Installation {
        id: Text,
    }

    Commit {
        timestamp: Text,
        added: Maybe<Vec<String>>,
        modified: Maybe<Vec<String>>,
        removed: Maybe<Vec<String>>,
    }
}
