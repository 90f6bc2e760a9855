//! Groups of the identity provider that belong to tenants, by their names.

/// A text with one placeholder, `{tenant}` or `*`.
pub(super) struct Pattern<'p> {
    before: &'p str,
    after: &'p str,
    names_tenant: bool,
}

/// Whom a group belongs to.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Belongs<'g> {
    /// The tenant that its name holds.
    Tenant(&'g str),
    /// Some tenant.
    Somebody,
}

const TENANT: &str = "{tenant}";

impl<'p> Pattern<'p> {
    /// The error is what was expected.
    pub(super) fn parse(text: &'p str) -> Result<Self, String> {
        let expected = || format!("{text:?}: expected {TENANT} or * exactly once, as in oidc:{TENANT}-developers");
        let placeholder = if text.contains(TENANT) { TENANT } else { "*" };
        let (before, after) = text.split_once(placeholder).ok_or_else(expected)?;
        if [before, after].iter().any(|part| part.contains('*') || part.contains(TENANT)) {
            return Err(expected());
        }
        Ok(Self {
            before,
            after,
            names_tenant: placeholder == TENANT,
        })
    }

    pub(super) fn belongs<'g>(&self, group: &'g str) -> Option<Belongs<'g>> {
        let between = group.strip_prefix(self.before)?.strip_suffix(self.after)?;
        (!between.is_empty()).then_some(if self.names_tenant {
            Belongs::Tenant(between)
        } else {
            Belongs::Somebody
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_one_placeholder() {
        for bad in ["", "developers", "*-{tenant}", "{tenant}{tenant}", "a*b*"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        let pattern = Pattern::parse("oidc:{tenant}-dev").unwrap();
        assert_eq!(pattern.belongs("oidc:acme-dev"), Some(Belongs::Tenant("acme")));
        assert_eq!(pattern.belongs("oidc:-dev"), None);
        assert_eq!(pattern.belongs("oidc:acme-ops"), None);
        let any = Pattern::parse("tenant-*").unwrap();
        assert_eq!(any.belongs("tenant-acme"), Some(Belongs::Somebody));
        assert_eq!(any.belongs("staff"), None);
    }
}
