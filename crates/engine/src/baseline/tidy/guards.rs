//! What names roles: run where they exist, skipped where they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{first_name, last_role};

/// Statements by what must be there.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// Roles that must exist, the first of which we must be a member of if `true`.
    by_roles: BTreeMap<(Vec<String>, bool), Vec<String>>,
    policies: Vec<Policy>,
}

#[derive(Debug)]
struct Policy {
    /// `own on public.notes`
    label: String,
    roles: Vec<String>,
    /// `own ON public.notes ..`
    subject: String,
    statements: Vec<String>,
}

impl Guards {
    pub(super) fn grant(&mut self, role: &str, sql: &str) {
        self.by_roles.entry((vec![role.to_owned()], false)).or_default().push(sql.to_owned());
    }

    /// `ALTER DEFAULT PRIVILEGES FOR ROLE alice [IN SCHEMA app] GRANT .. TO bob`
    pub(super) fn default_privilege(&mut self, sql: &str) {
        let mut roles = Vec::new();
        let named = sql.strip_prefix("ALTER DEFAULT PRIVILEGES FOR ROLE ").and_then(first_name);
        roles.extend(named.map(|(role, _)| role));
        let grantee = last_role(sql, &["TO", "FROM"]).filter(|role| role.quoted || role.name != "PUBLIC");
        roles.extend(grantee.map(|role| role.name).filter(|role| !super::is_predefined(role)));
        roles.dedup();
        self.by_roles.entry((roles, true)).or_default().push(sql.to_owned());
    }

    pub(super) fn policy(&mut self, label: String, roles: Vec<String>, sql: &str) {
        let subject = sql.strip_prefix("CREATE POLICY ").unwrap_or(sql).to_owned();
        self.policies.push(Policy { label, roles, subject, statements: vec![sql.to_owned()] });
    }

    /// Takes a comment on one of the policies here; `false` when it is about something else.
    pub(super) fn comment_on_policy(&mut self, sql: &str) -> bool {
        let Some(rest) = sql.strip_prefix("COMMENT ON POLICY ") else { return false };
        // The text of the comment may hold anything, so the name decides: `own ON public.notes IS ..`.
        let about = |policy: &&mut Policy| {
            rest.match_indices(" IS ").any(|(at, _)| {
                policy.subject.strip_prefix(&rest[..at]).is_some_and(|after| after.starts_with([' ', '\n']))
            })
        };
        match self.policies.iter_mut().find(about) {
            Some(policy) => {
                policy.statements.push(sql.to_owned());
                true
            }
            None => false,
        }
    }

    pub(super) fn roles(&self) -> BTreeSet<String> {
        let granted = self.by_roles.keys().flat_map(|(roles, _)| roles);
        granted.chain(self.policies.iter().flat_map(|policy| &policy.roles)).cloned().collect()
    }

    /// The `DO` blocks, without their semicolons.
    pub(super) fn blocks(mut self) -> Vec<String> {
        let several: Vec<Policy> = self.policies.extract_if(.., |policy| policy.roles.len() > 1).collect();
        // A policy for one role concerns nobody else: it goes with the grants to that role.
        for policy in std::mem::take(&mut self.policies) {
            self.by_roles.entry((policy.roles, false)).or_default().extend(policy.statements);
        }
        let by_roles =
            self.by_roles.iter().map(|((roles, member), statements)| block(roles, *member, statements, ""));
        by_roles.chain(several.iter().map(Policy::block)).collect()
    }
}

impl Policy {
    /// Without one of its roles a policy would let the others see too much or too little.
    fn block(&self) -> String {
        let any = self.roles.iter().map(|role| literal(role)).collect::<Vec<_>>().join(", ");
        let what = format!("not all roles of the policy {} exist", self.label).replace('%', "%%");
        let message = literal(&what);
        let otherwise = format!(
            "  ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname IN ({any})) THEN\n    RAISE EXCEPTION {message};\n"
        );
        block(&self.roles, false, &self.statements, &otherwise)
    }
}

fn block(roles: &[String], member: bool, statements: &[String], otherwise: &str) -> String {
    let conditions: Vec<String> = roles
        .iter()
        .enumerate()
        .map(|(at, role)| {
            // Only a member may say what a role's future objects grant.
            let also = if member && at == 0 { " AND pg_has_role(oid, 'MEMBER')" } else { "" };
            format!("EXISTS (SELECT FROM pg_roles WHERE rolname = {}{also})", literal(role))
        })
        .collect();
    let lines: String = statements.iter().map(|sql| format!("    {sql};\n")).collect();
    let condition = conditions.join("\n    AND ");
    let mut tag = "roles".to_owned();
    while lines.contains(&format!("${tag}$")) || otherwise.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    format!("DO ${tag}$\nBEGIN\n  IF {condition} THEN\n{lines}{otherwise}  END IF;\nEND\n${tag}$")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
