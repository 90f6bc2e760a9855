//! Subjects that may change things in several environments.

use plimsoll_engine::{
    facts::WritesIn,
    rights::{Power, Subject},
    unknown::Unknown,
};

use super::{Case, DEVELOPMENT, Judged, PRODUCTION};

impl Case<'_> {
    /// A ServiceAccount of no environment that may change things here and in another one.
    pub(super) fn several(&self, subject: &Subject, judged: &mut Judged) -> Result<(), Unknown> {
        if !self.gives(&[Power::WritesNamespaced])? {
            return Ok(());
        }
        let here = self.environment()?;
        let writes = self.writes(subject)?;
        let elsewhere = writes.environments.iter().find(|(environment, _)| *environment != here);
        match elsewhere {
            Some((environment, binding)) => {
                judged.add("SeveralEnvironments", subject, format!("(and in {environment} by {binding})"));
                Ok(())
            }
            None => writes.incomplete.clone().map_or(Ok(()), Err),
        }
    }

    /// A group of people that may change things in production and in development: noted, or failed where that is asked for.
    pub(super) fn people(&self, subject: &Subject, judged: &mut Judged) -> Result<(), Unknown> {
        if !self.gives(&[Power::WritesNamespaced])? {
            return Ok(());
        }
        if self.unit.name().namespace().is_none() {
            // Who may do everything is judged by access/cluster-admin-bindings.
            if !self.gives(&[Power::Everything])? {
                self.shared(subject, "everywhere", judged);
            }
            return Ok(());
        }
        let other = match &**self.environment()? {
            PRODUCTION => DEVELOPMENT,
            DEVELOPMENT => PRODUCTION,
            _ => return Ok(()),
        };
        let writes = self.writes(subject)?;
        match writes.environments.get(other) {
            Some(binding) => self.shared(subject, &format!("and in {other} by {binding}"), judged),
            // A note that is not written hides nothing.
            None if !self.params.separate_human_groups => {}
            None => return writes.incomplete.clone().map_or(Ok(()), Err),
        }
        Ok(())
    }

    fn shared(&self, subject: &Subject, where_else: &str, judged: &mut Judged) {
        if self.params.separate_human_groups {
            judged.add("SharedGroup", subject, format!("({where_else})"));
        } else {
            judged.notes.push(format!("{subject} may change things in production and in development ({where_else})"));
        }
    }

    fn writes(&self, subject: &Subject) -> Result<std::sync::Arc<plimsoll_engine::facts::WritesInValue>, Unknown> {
        self.view.fact(&WritesIn {
            settings: self.view.settings()?.clone(),
            subject: subject.clone(),
        })
    }
}
