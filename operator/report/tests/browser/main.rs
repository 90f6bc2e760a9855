//! The page in a real browser. Without chromium and its driver these tests say so and are skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_wrap,
    missing_docs,
    reason = "tests"
)]

mod chromium;
mod scene;

use std::{fs, path::PathBuf, time::Instant};

use plimsoll_engine::text::is_hostile;
use serde_json::{Value, json};
use tempfile::TempDir;

use chromium::Browser;
use scene::{HOSTILE, Scene};

struct Page {
    _folder: TempDir,
    file: PathBuf,
}

fn page(scene: &Scene) -> Page {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    scene.write(&file);
    Page {
        _folder: folder,
        file,
    }
}

fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = HOSTILE.iter().map(|name| (*name).to_owned()).collect();
    names.push("x".repeat(253));
    names
}

/// Colours of text against what is behind it: every ratio below the threshold of WCAG 2 AA, by text.
const CONTRAST: &str = r"
const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const lum = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
const bad = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let n; (n = walk.nextNode()); ) {
  const e = n.parentElement;
  if (!n.data.trim() || e.closest('script, svg, option') || !e.checkVisibility() || e.matches(':disabled')) continue;
  const s = getComputedStyle(e), [a, b] = [lum(rgb(s.color)), lum(behind(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05), large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) bad.push(e.className + ': ' + n.data.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
}
return bad.slice(0, 20);
";

#[tokio::test]
async fn nothing_leaves_the_page_and_nothing_in_it_is_refused() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    browser.open(&page.file).await;
    browser
        .eval("for (const d of document.querySelectorAll('details')) d.open = true; document.getElementById('search').value = 'web'; document.getElementById('search').dispatchEvent(new Event('input'))")
        .await;
    browser
        .until("document.getElementById('found').textContent.includes(' of ')")
        .await;
    let asked: Vec<String> = browser
        .requests()
        .await
        .into_iter()
        .filter(|address| !address.ends_with("/report.html") && address != "data:,")
        .collect();
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(browser.log("browser").await, Vec::<Value>::new());
    // What the page itself must not be able to do.
    let refused = browser
        .eval("return fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
        .await;
    assert_eq!(refused, "refused");
    let blocked = browser.log("browser").await;
    assert!(
        blocked.iter().any(|entry| entry["message"]
            .as_str()
            .unwrap()
            .contains("Content Security Policy")),
        "{blocked:?}"
    );
}

#[tokio::test]
async fn hostile_names_are_only_text() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::named(&hostile_names()));
    let source = fs::read_to_string(&page.file).unwrap();
    assert_eq!(source.chars().find(|c| *c != '\n' && is_hostile(*c)), None);
    for scripted in [false, true] {
        browser
            .tools(
                "Emulation.setScriptExecutionDisabled",
                json!({"value": !scripted}),
            )
            .await;
        browser.visit(&page.file).await;
        browser
            .tools("Emulation.setScriptExecutionDisabled", json!({"value": false}))
            .await;
        if scripted {
            browser
                .until("document.documentElement.classList.contains('ready')")
                .await;
        }
        browser
            .eval("for (const d of document.querySelectorAll('details')) d.open = true; window.dispatchEvent(new Event('resize'))")
            .await;
        browser
            .until("document.querySelectorAll('.finding pre').length === 7")
            .await;
        let seen = browser
            .eval("return [window.harmed ?? null, document.querySelectorAll('img, iframe, object, embed, base, form[action]').length, document.querySelectorAll('script').length, document.querySelectorAll('style').length, document.body.innerText]")
            .await;
        assert_eq!(
            (&seen[0], &seen[1], &seen[2], &seen[3]),
            (&json!(null), &json!(0), &json!(2), &json!(1))
        );
        let text = seen[4].as_str().unwrap();
        assert_eq!(text.chars().find(|c| !c.is_whitespace() && is_hostile(*c)), None);
        for name in [
            "evil\\u{202e}gpj.exe",
            "bell\\u{7}\\u{1b}[31mred\\u{0}",
            "</script><script>",
            &"x".repeat(253),
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        // Long names do not break the page apart.
        for width in [390, 1360] {
            browser.resize(width, 900).await;
            let wide = browser
                .eval("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            assert_eq!(wide, 0, "at {width}");
        }
    }
    browser.picture("hostile", false).await;
}

#[tokio::test]
async fn a_hundred_thousand_findings_open_at_once_and_stay_usable() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let began = Instant::now();
    let page = page(&Scene::of(100_000));
    let made = began.elapsed();
    let bytes = fs::metadata(&page.file).unwrap().len();
    browser.tools("Performance.enable", json!({})).await;
    let (began, spent) = (Instant::now(), browser.spent().await);
    browser.open(&page.file).await;
    let (opened, spent) = (began.elapsed(), browser.spent().await - spent);
    browser
        .until("document.documentElement.classList.contains('offered')")
        .await;
    let script = "const done = (what) => { const from = performance.now(); what(); return performance.now() - from; };
        const by = (id, value) => done(() => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('change')); });
        const control = by('by-severity', 'critical'), order = by('order', 'oldest');
        const clear = done(() => document.getElementById('clear').click());
        return [control, order, clear, document.querySelectorAll('*').length, document.getElementById('found').textContent]";
    let seen = browser.eval(script).await;
    let searched = browser
        .eval("const from = performance.now(); const e = document.getElementById('search'); e.value = 'worker-77 zone'; e.dispatchEvent(new Event('input')); return new Promise((tell) => { const look = () => document.getElementById('found').textContent.includes(' of ') ? tell(performance.now() - from) : setTimeout(look, 5); look(); })")
        .await;
    println!(
        "made in {made:?}: {bytes} bytes, opened in {opened:?} ({spent:.2} s of processor), filter, sort and clear in ms, elements: {seen}, first search {searched} ms"
    );
    assert!(seen[4].as_str().unwrap().contains("showing 1 to 100"), "{seen}");
    assert!(seen[3].as_u64().unwrap() < 10_000, "{seen}");
    // Of the processor, not of the clock: other tests run beside this one.
    assert!(spent <= 2.0, "{spent}");
    let slow = [&seen[0], &seen[1], &seen[2]].map(|took| took.as_f64().unwrap());
    assert!(slow.iter().all(|took| *took < 2_000.0), "{slow:?}");
    assert!(searched.as_f64().unwrap() < 5_000.0, "{searched}");
    assert!(bytes < 12_000_000, "{bytes}");
    browser.picture("large", false).await;
}

#[tokio::test]
async fn everything_can_be_reached_by_keyboard() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    browser.open(&page.file).await;
    browser.press(&["Tab"]).await;
    assert_eq!(
        browser.eval("return document.activeElement.className").await,
        "skip"
    );
    browser.press(&["Enter", "Tab"]).await;
    assert_eq!(browser.eval("return document.activeElement.id").await, "search");
    for key in ["w", "e", "b"] {
        browser.press(&[key]).await;
    }
    browser
        .until("document.getElementById('found').textContent.includes(' of ')")
        .await;
    let focused = "document.activeElement.matches('.finding summary')";
    for _ in 0..20 {
        if browser.eval(&format!("return {focused}")).await == json!(true) {
            break;
        }
        browser.press(&["Tab"]).await;
    }
    assert_eq!(browser.eval(&format!("return {focused}")).await, json!(true));
    browser.press(&["Enter"]).await;
    browser
        .until("document.activeElement.parentElement.open && document.activeElement.parentElement.querySelector('.body dl')")
        .await;
    let outline = browser
        .eval("const s = getComputedStyle(document.activeElement); return s.outlineStyle + ' ' + s.outlineWidth")
        .await;
    assert_eq!(outline, "solid 2px");
}

#[tokio::test]
async fn print_shows_what_was_found_and_no_controls() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    browser.open(&page.file).await;
    browser.prefer("dark", "print").await;
    browser
        .eval("window.dispatchEvent(new Event('beforeprint'))")
        .await;
    let seen = browser
        .eval("const shown = (q) => document.querySelector(q).checkVisibility({contentVisibilityAuto: true}); const rows = document.querySelectorAll('.finding'); return [shown('.contents'), shown('.filters'), rows.length, rows[0].querySelector('.body dl').getBoundingClientRect().height > 20, getComputedStyle(document.body).backgroundColor]")
        .await;
    assert_eq!(seen, json!([false, false, 306, true, "rgb(255, 255, 255)"]));
    assert_eq!(browser.eval(CONTRAST).await, json!([]));
    browser.resize(1000, 1400).await;
    browser.picture("print", true).await;
    browser.picture("print-findings", false).await;
    if let Some(folder) = std::env::var_os("PLIMSOLL_SCREENSHOTS") {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let pdf = browser
            .tools(
                "Page.printToPDF",
                json!({"printBackground": true, "preferCSSPageSize": true}),
            )
            .await;
        let bytes = STANDARD.decode(pdf["data"].as_str().unwrap()).unwrap();
        fs::write(PathBuf::from(folder).join("print.pdf"), bytes).unwrap();
    }
}

#[tokio::test]
async fn light_dark_wide_and_narrow_are_legible() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    browser.open(&page.file).await;
    browser
        .eval("document.querySelector('.finding details').open = true; document.querySelector('.control details').open = true")
        .await;
    for (scheme, background) in [("light", "rgb(251, 252, 253)"), ("dark", "rgb(15, 20, 26)")] {
        browser.prefer(scheme, "screen").await;
        for (name, width) in [("desktop", 1360), ("mobile", 390)] {
            browser.resize(width, 900).await;
            let seen = browser
                .eval("const e = document.documentElement; return [getComputedStyle(document.body).backgroundColor, e.scrollWidth - e.clientWidth]")
                .await;
            assert_eq!(seen, json!([background, 0]), "{scheme} {name}");
            assert_eq!(browser.eval(CONTRAST).await, json!([]), "{scheme} {name}");
            browser.picture(&format!("{scheme}-{name}"), true).await;
            browser.picture(&format!("{scheme}-{name}-findings"), false).await;
        }
    }
}

#[tokio::test]
async fn the_page_is_built_for_assistive_technology() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    browser.open(&page.file).await;
    let script = "
        const all = (q) => [...document.querySelectorAll(q)];
        const levels = all('h1, h2, h3, h4').filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]));
        const ids = all('[id]').map((e) => e.id);
        return {
            landmarks: ['header', 'nav', 'main', 'footer'].map((q) => all(q).length),
            h1: levels.filter((l) => l === 1).length,
            skipped: levels.some((l, i) => i > 0 && l > levels[i - 1] + 1),
            unlabelled: all('input, select').filter((e) => e.labels.length === 0).length,
            nameless: all('section, nav, [role=group]').filter((e) => !e.getAttribute('aria-label') && !document.getElementById(e.getAttribute('aria-labelledby'))).length,
            pictures: all('svg').filter((e) => !e.ariaHidden && !e.ariaLabel).length,
            twice: ids.filter((id, i) => ids.indexOf(id) !== i),
            dead: all('a[href^=\"#\"]').map((a) => a.hash.slice(1)).filter((id) => !document.getElementById(id)),
            unscoped: all('th').filter((th) => !th.scope).length,
            lang: document.documentElement.lang,
            title: document.title,
        };";
    let seen = browser.eval(script).await;
    assert_eq!(
        seen,
        json!({
            "landmarks": [1, 1, 1, 1], "h1": 1, "skipped": false, "unlabelled": 0, "nameless": 0, "pictures": 0, "twice": [],
            "dead": [], "unscoped": 0, "lang": "en", "title": "Compliance report · baseline production · 2026-11-22",
        })
    );
}

#[tokio::test]
async fn without_its_script_the_page_shows_the_same_worst_findings() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = page(&Scene::of(300));
    let first = "return [...document.querySelectorAll('.finding summary')].slice(0, 40).map((s) => [...s.querySelectorAll('.chip, b, .msg, .id')].map((e) => e.textContent.trim()).join(' | '))";
    browser.open(&page.file).await;
    let scripted = browser.eval(first).await;
    browser
        .tools("Emulation.setScriptExecutionDisabled", json!({"value": true}))
        .await;
    browser.visit(&page.file).await;
    browser
        .tools("Emulation.setScriptExecutionDisabled", json!({"value": false}))
        .await;
    let plain = browser
        .eval("return [document.querySelector('.filters').checkVisibility(), document.querySelector('.nojs').textContent]")
        .await;
    assert_eq!(plain[0], json!(false));
    assert!(
        plain[1].as_str().unwrap().starts_with("The worst 100 of "),
        "{plain}"
    );
    assert_eq!(browser.eval(first).await, scripted);
}
