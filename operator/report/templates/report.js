"use strict";
// Shows the findings embedded in the page in windows of one hundred. Everything is put in as text: nothing here parses markup.
(() => {
  const WINDOW = 100, PRINTED = 500, KNOWN_NAMESPACES = 2000;
  const $ = (id) => document.getElementById(id);
  const el = (tag, className, ...kids) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...kids.filter((kid) => kid !== null && kid !== ""));
    return node;
  };
  const count = (n) => n.toLocaleString("en-US");

  async function load() {
    const text = $("data").textContent.trim();
    const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(plain).text());
  }

  function start(data) {
    const rows = data.rows, texts = data.texts;
    const F = Object.fromEntries(data.fields.map((name, i) => [name, i]));
    const get = (row, field) => texts[row[F[field]]];
    const filters = ["result", "severity", "baseline", "control", "environment", "tenant", "namespace"];
    const input = Object.fromEntries(filters.map((name) => [name, $("by-" + name)]));
    const search = $("search"), order = $("order"), list = $("list"), status = $("found");
    let view = [], first = 0, printing = false;

    // What a select offers: the values there are, in the order in which they come, or by name.
    const known = {};
    function offer(name) {
      const found = new Map();
      const at = F[name];
      for (const row of rows) found.set(row[at], (found.get(row[at]) || 0) + 1);
      const values = [...found].map(([text, n]) => [texts[text], n]).filter(([text]) => text !== "");
      known[name] = new Map([...found.keys()].map((text) => [texts[text], text]));
      if (name !== "result" && name !== "severity") values.sort((a, b) => (a[0] < b[0] ? -1 : 1));
      const target = name === "namespace" ? $("namespaces") : input[name];
      for (const [text, n] of values.slice(0, KNOWN_NAMESPACES)) {
        const option = el("option", "", name === "namespace" ? text : `${text} (${count(n)})`);
        option.value = text;
        target.append(option);
      }
      input[name].closest("label").hidden = values.length < 2;
    }
    if (!data.live) for (const option of order.querySelectorAll(".live")) option.remove();

    // Written only when somebody searches: most never do.
    const hay = [];
    const hayOf = (i) => {
      const row = rows[i];
      const words = ["name", "namespace", "kind", "control", "reason", "message", "tenant", "path", "exception", "file"].map((field) => get(row, field));
      return (hay[i] ??= (words.join(" ") + " " + row[F.evidence].map((seen) => texts[seen]).join(" ") + " " + row[F.fingerprint]).toLowerCase());
    };

    function apply() {
      const wanted = filters.filter((name) => input[name].value.trim() !== "");
      const exact = wanted.map((name) => [F[name], known[name].get(input[name].value.trim())]);
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      view = [];
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i];
        if (exact.every(([at, text]) => row[at] === text) && (words.length === 0 || words.every((word) => hayOf(i).includes(word)))) view.push(i);
      }
      const at = F.seen, by = order.value;
      if (by === "oldest") view.sort((a, b) => (rows[a][at] || Infinity) - (rows[b][at] || Infinity));
      if (by === "newest") view.sort((a, b) => rows[b][at] - rows[a][at]);
      if (by === "object") {
        const key = (i) => get(rows[i], "namespace") + "\u0000" + get(rows[i], "kind") + "\u0000" + get(rows[i], "name");
        const keys = new Map(view.map((i) => [i, key(i)]));
        view.sort((a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0));
      }
      first = 0;
      show();
    }

    function show() {
      const size = printing ? PRINTED : WINDOW;
      const shown = view.slice(first, first + size);
      list.replaceChildren(...shown.map(item));
      const some = view.length === rows.length ? count(rows.length) : `${count(view.length)} of ${count(rows.length)}`;
      const range = view.length > size ? `, showing ${count(first + 1)} to ${count(first + shown.length)}` : "";
      status.textContent = view.length ? `${some} ${rows.length === 1 ? "result" : "results"}${range}` : "Nothing matches.";
      for (const button of document.querySelectorAll("[data-turn]")) {
        const to = first + WINDOW * Number(button.dataset.turn);
        button.disabled = to < 0 || to >= view.length;
      }
    }

    const objectOf = (row) => {
      const kind = get(row, "kind"), namespace = get(row, "namespace"), name = get(row, "name");
      if (!kind) return ["the cluster", ""];
      return [name === "" ? `every ${kind}` : namespace && kind !== "Namespace" ? `${namespace}/${name}` : name, name === "" ? "" : kind];
    };
    const ageOf = (row) => {
      if (!row[F.seen]) return "";
      const days = Math.floor((data.now - row[F.seen]) / 86400);
      return days < 1 ? "today" : days === 1 ? "1 day" : `${count(days)} days`;
    };

    function item(i) {
      const row = rows[i], result = get(row, "result");
      const word = result === "fail" ? get(row, "severity") : result;
      const [name, kind] = objectOf(row);
      const summary = el("summary", "",
        el("span", "chip " + word, word),
        el("span", "what", el("b", "", name), kind ? " " : "", kind ? el("span", "hush small", kind) : "", el("span", "msg", get(row, "message"))),
        el("span", "id", get(row, "control")),
        el("span", "where", [get(row, "environment"), ageOf(row)].filter(Boolean).join(" · ")));
      const details = el("details", "", summary);
      details.addEventListener("toggle", () => fill(details, row));
      if (printing) fill(details, row);
      return el("li", "finding", details);
    }

    function fill(details, row) {
      if (details.dataset.filled) return;
      details.dataset.filled = "1";
      const facts = el("dl", "");
      const fact = (term, ...what) => {
        const kids = what.filter((kid) => kid !== null && kid !== "");
        if (kids.length) facts.append(el("dt", "", term), el("dd", "", ...kids));
      };
      const code = (text) => (text ? el("code", "", text) : "");
      const listed = (texts) => (texts.length ? el("ul", "", ...texts.map((text) => el("li", "", text))) : "");
      fact("Reason", get(row, "reason"));
      fact("Where", code(get(row, "path")));
      fact("Seen", listed(row[F.evidence].map((seen) => texts[seen])));
      fact("Remarks", listed(row[F.notes].map((note) => texts[note])));
      fact("File", code(get(row, "file") + (row[F.line] ? ":" + row[F.line] : "")));
      fact("Tenant", get(row, "tenant"));
      fact("Accepted by", code(get(row, "exception")));
      fact("First seen", row[F.seen] ? new Date(row[F.seen] * 1000).toISOString().replace(".000Z", "Z") : "");
      fact("Baseline", data.baselines > 1 ? get(row, "baseline") : "");
      fact("Fingerprint", code(row[F.fingerprint]));
      const about = el("a", "", "What " + get(row, "control") + " asks, and how to meet it");
      about.href = "#" + get(row, "control").replace("/", "--");
      details.append(el("div", "body", facts, fixOf(row[F.fix]), el("p", "small screen", about)));
    }

    function fixOf(fix) {
      if (!fix) return "";
      const [word, why, changes, manifests] = fix;
      const heads = { safe: ["fix", "Proposed change (safe)"], needsApproval: ["fix ask", "Proposed change (needs approval)"], neverAutomatic: ["fix never", "Proposed change (by hand only)"] };
      const [className, head] = heads[word];
      return el("div", className, el("h4", "", head), ...changes.map((change) => el("p", "", texts[change])),
        texts[why] ? el("p", "hush small", texts[why]) : "", ...manifests.map((text) => el("pre", "", text)));
    }

    let waiting = 0;
    const soon = () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); };
    search.addEventListener("input", soon);
    for (const name of filters) input[name].addEventListener(name === "namespace" ? "input" : "change", name === "namespace" ? soon : apply);
    order.addEventListener("change", apply);
    $("clear").addEventListener("click", () => { reset(); apply(); search.focus(); });
    const reset = () => { search.value = ""; for (const name of filters) input[name].value = ""; };
    for (const button of document.querySelectorAll("[data-turn]")) {
      button.addEventListener("click", () => { first += WINDOW * Number(button.dataset.turn); show(); $("findings").scrollIntoView(); });
    }
    // Links elsewhere on the page that lead to some of the findings.
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-by]");
      if (!link) return;
      reset();
      for (const pair of link.dataset.by.split("&")) { const [name, value] = pair.split("="); if (input[name]) input[name].value = decodeURIComponent(value); }
      apply();
    });
    addEventListener("beforeprint", () => { printing = true; show(); });
    addEventListener("afterprint", () => { printing = false; show(); });
    $("clear").form?.addEventListener("submit", (event) => event.preventDefault());
    apply();
    document.documentElement.classList.add("ready");
    // After the first findings are on the screen.
    setTimeout(() => { filters.forEach(offer); document.documentElement.classList.add("offered"); });
  }

  // A link to a control opens it.
  const open = () => { const target = location.hash.length > 1 && $(location.hash.slice(1)); const details = target && target.querySelector("details"); if (details) details.open = true; };
  addEventListener("hashchange", open);
  open();
  if ("DecompressionStream" in window) load().then(start).catch((error) => { $("found").textContent = "The findings cannot be shown: " + error; });
})();
