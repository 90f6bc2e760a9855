//! The page of a control, from Markdown, without what the report says elsewhere.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The sections of a control's page that help whoever has to meet it.
const SECTIONS: [&str; 3] = ["What it decides", "Why", "How to fix"];

/// A control's page as HTML: why it asks, how it decides, how to meet it.
pub(super) fn html(page: &str) -> String {
    let mut out = String::new();
    let events = sections(page).into_iter().filter_map(|event| match event {
        // The pages are ours and hold no markup; if one ever did, it would stay text.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Heading {
            id, classes, attrs, ..
        }) => Some(Event::Start(Tag::Heading {
            level: HeadingLevel::H4,
            id,
            classes,
            attrs,
        })),
        Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Heading(HeadingLevel::H4))),
        // Links lead to other pages of the documentation, which are not here.
        Event::Start(Tag::Link { .. }) | Event::End(TagEnd::Link) => None,
        event => Some(event),
    });
    html::push_html(&mut out, events);
    out.replace("<th>", "<th scope=\"col\">")
}

fn sections(page: &str) -> Vec<Event<'_>> {
    let mut kept = Vec::new();
    let mut section = Vec::new();
    let mut title: Option<String> = None;
    let mut in_title = false;
    let mut keep = |title: &Option<String>, section: &mut Vec<_>| {
        let wanted = title.as_deref().is_some_and(|title| SECTIONS.contains(&title));
        let events = std::mem::take(section);
        if wanted {
            kept.extend(events);
        }
    };
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match &event {
            Event::Start(Tag::Heading { level, .. }) if *level <= HeadingLevel::H2 => {
                keep(&title, &mut section);
                (title, in_title) = (Some(String::new()), true);
            }
            Event::End(TagEnd::Heading(_)) => in_title = false,
            Event::Text(text) | Event::Code(text) if in_title => {
                title.get_or_insert_default().push_str(text);
            }
            _ => {}
        }
        section.push(event);
    }
    keep(&title, &mut section);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_helps_is_kept_and_nothing_of_it_is_markup() {
        let page = "# a/b\n\nIntro.\n\n## What it decides\n\n| R | W |\n| --- | --- |\n| Pass | `x` [more](y.md) |\n\n\
                    ## Parameters\n\nnone\n\n## How to fix\n\nDo <b>it</b>.\n";
        let html = html(page);
        assert!(
            html.contains("<h4>What it decides</h4>") && html.contains("<code>x</code> more"),
            "{html}"
        );
        assert!(html.contains("Do &lt;b&gt;it&lt;/b&gt;."), "{html}");
        assert!(
            !html.contains("Intro") && !html.contains("none") && !html.contains("<a"),
            "{html}"
        );
    }

    #[test]
    fn every_control_says_how_it_decides_and_how_to_meet_it() {
        for meta in plimsoll_controls::registry().metas() {
            let html = html(meta.page);
            for section in ["What it decides", "How to fix"] {
                assert!(
                    html.contains(&format!("<h4>{section}</h4>")),
                    "{}: {section}",
                    meta.id
                );
            }
        }
    }
}
