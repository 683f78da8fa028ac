// The page: a list of dialogues, its bars and filters, and one dialogue (or several) to read.
// Words of models and corpora are only ever text nodes: nothing here sets HTML.
"use strict";
const { html, render, useState, useEffect, useRef } = htmPreact;

const PAGE = 50;
const FACETS = { how: "Outcome", flags: "Marked", arm: "Arm", split: "Split", source: "Source", run_id: "Run" };
const FLAGS = { leak: "answer leaked", cut: "a reply was cut", question: "student asked", duplicate: "near-duplicate" };
const CASE = "Upper and lower case count as one, letter by letter; accents count: é finds É, but not e.";
const COLUMNS = [["how", "outcome"], ["turns", "turns"], ["tokens", "tokens"], ["arm", "arm"]];

// ---------------------------------------------------------------- where rows come from

const token = new URLSearchParams(location.search).get("token") || "";
const embedded = document.getElementById("data");
const source = embedded ? embeddedSource(JSON.parse(embedded.textContent)) : serverSource();

function serverSource() {
  async function get(path, params) {
    const query = new URLSearchParams(params || {});
    const reply = await fetch(`/api/${path}?${query}`, { headers: { "X-Token": token } });
    const body = await reply.json();
    if (!reply.ok) throw new Error(body.error || reply.statusText);
    return body;
  }
  const parameters = (q) => [
    ["search", q.search], ["where", q.where], ["sort", q.sort], ["desc", q.desc ? "1" : "0"],
    ["offset", String(q.offset)], ...Object.entries(q.chosen).map(([k, v]) => ["f", `${k}:${v}`]),
  ];
  return {
    live: true,
    state: () => get("state"),
    rows: (q) => get("rows", parameters(q)),
    facets: (q) => get("facets", parameters(q)),
    dialogue: (id) => get("dialogue", { id }),
    problem: (id) => get("problem", { id }),
    tokens: (id) => get("tokens", { id }),
    save: async (marks) => {
      const reply = await fetch("/api/marks", {
        method: "POST", headers: { "X-Token": token, "Content-Type": "application/json" },
        body: JSON.stringify(marks),
      });
      const body = await reply.json();
      if (!reply.ok) throw new Error(body.error);
      return body.command;
    },
  };
}

function embeddedSource(data) {
  const light = (r, row_index) => ({
    row_index, dialogue_id: r.dialogue_id, problem_id: r.problem_id, run_id: r.run_id, arm: r.arm,
    sample: r.sample, split: r.split, source: r.source,
    how: r.outcome.solved_turn ? `turn ${r.outcome.solved_turn}` : r.outcome.status,
    turns: r.outcome.turns, return: r.outcome.return, tokens: r.usage.student.completion,
    leak: r.leak.any, duplicate: r.duplicate_of !== null,
    cut: r.trail.some((t) => t.finish_reason === "length"),
    question: r.trail.some((t) => t.act === "question"), statement: r.statement.slice(0, 160),
  });
  const all = data.rows.map(light);
  const fits = (q) => {
    // Upper and lower case are alike as in view/search.py: letter by letter.
    const text = new RegExp(q.search.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "iu");
    return all.filter((r) =>
      Object.entries(q.chosen).every(([k, v]) => (k in FLAGS ? r[k] : String(r[k]) === v)) &&
      (!q.search || data.rows[r.row_index].messages.some((m) => text.test(m.content))));
  };
  const order = (q) => (a, b) => {
    const [x, y] = [a[q.sort], b[q.sort]];
    return (x < y ? -1 : x > y ? 1 : a.row_index - b.row_index) * (q.desc ? -1 : 1);
  };
  return {
    live: false,
    state: async () => ({ runs: data.runs, live: false, marks: {} }),
    rows: async (q) => {
      const rows = fits(q).sort(order(q));
      return { total: rows.length, capped: false, rows: rows.slice(q.offset, q.offset + PAGE) };
    },
    facets: async (q) => {
      const rows = fits(q), counts = {};
      for (const name of Object.keys(FACETS)) {
        if (name === "flags") continue;
        const each = {};
        for (const r of rows) each[r[name]] = (each[r[name]] || 0) + 1;
        counts[name] = Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1));
      }
      counts.flags = Object.keys(FLAGS).map((f) => [f, rows.filter((r) => r[f]).length]);
      return counts;
    },
    dialogue: async (id) => data.rows.find((r) => r.dialogue_id === id),
    problem: async (id) => data.rows.filter((r) => r.problem_id === id),
  };
}

// ---------------------------------------------------------------- the whole page

function App() {
  const [query, setQuery] = useState({ search: "", where: "", chosen: {}, sort: "row_index", desc: false, offset: 0 });
  const [state, setState] = useState({ runs: [], live: false });
  const [listed, setListed] = useState({ total: 0, rows: [] });
  const [facets, setFacets] = useState({});
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(true);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(null);
  const [compare, setCompare] = useState(false);
  const [marks, setMarks] = useState({});
  const [notice, setNotice] = useState("");
  const [tick, setTick] = useState(0);
  const search = useRef(null);
  const latest = useRef(0);

  useEffect(() => { source.state().then((s) => { setState(s); setMarks(s.marks || {}); }, (e) => setFault(e.message)); }, []);
  useEffect(() => {
    if (!state.live) return;
    const timer = setInterval(async () => {
      const now = await source.state().catch(() => null);
      if (!now) return;
      setState(now);
      if (now.moved || !now.live) setTick((n) => n + 1);
    }, 2000);
    return () => clearInterval(timer);
  }, [state.live]);
  useEffect(() => {
    const mine = ++latest.current;
    setBusy(true);
    Promise.all([source.rows(query), source.facets(query)]).then(([rows, bars]) => {
      if (mine !== latest.current) return;
      setListed(rows); setFacets(bars); setFault(""); setBusy(false);
      setAt((n) => Math.max(0, Math.min(n, rows.rows.length - 1)));
    }, (error) => { if (mine === latest.current) { setFault(error.message); setBusy(false); } });
  }, [query, tick]);

  const change = (part) => { setAt(0); setQuery((q) => ({ ...q, offset: 0, ...part })); };
  const choose = (name, value) => {
    const chosen = { ...query.chosen };
    if (chosen[name] === value) delete chosen[name]; else chosen[name] = value;
    change({ chosen });
  };
  const row = listed.rows[at];
  const move = (step) => {
    const next = at + step;
    if (next < 0 && query.offset) { setQuery({ ...query, offset: Math.max(0, query.offset - PAGE) }); setAt(PAGE - 1); return; }
    if (next >= listed.rows.length) {
      if (query.offset + PAGE < listed.total) { setQuery({ ...query, offset: query.offset + PAGE }); setAt(0); }
      return;
    }
    const to = Math.max(0, next);
    setAt(to);
    if (open) setOpen(listed.rows[to]);
  };
  const mark = (what) => {
    const target = open || row;
    if (!target) return;
    setMarks((before) => {
      const after = { ...before };
      if (what && after[target.dialogue_id] !== what) after[target.dialogue_id] = what;
      else delete after[target.dialogue_id];
      return after;
    });
  };
  // By way of the state, so that a mark which is not drawn yet is saved, too.
  const save = () => source.save && setMarks((now) => {
    source.save(now).then(setNotice, (e) => setNotice(e.message));
    return now;
  });

  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.matches("input, textarea")) { if (event.key === "Escape") event.target.blur(); return; }
      const keys = {
        j: () => move(1), ArrowDown: () => move(1), k: () => mark("keep"), ArrowUp: () => move(-1), i: () => move(-1),
        d: () => mark("drop"), u: () => mark(""), s: save, "/": () => search.current && search.current.focus(),
        Enter: () => row && setOpen(row), c: () => open && setCompare((v) => !v),
        Escape: () => { if (notice) setNotice(""); else if (compare) setCompare(false); else setOpen(null); },
      };
      if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  const marked = Object.values(marks);
  return html`<div class=${"page" + (open ? " reading" : "")}>
    <header>
      <h1>Tutelage</h1>
      <span class="runs" title=${state.runs.join("\n")}>${state.runs.map((r) => r.split("/").filter(Boolean).pop()).join(", ")}</span>
      ${state.live && html`<span class="live">still playing</span>`}
      <input ref=${search} class="search" type="search" placeholder="Search in messages  ( / )" aria-label="Search in messages" title=${CASE}
        onChange=${(e) => change({ search: e.target.value.trim() })} />
      ${source.live && html`<input class="where" type="text" spellcheck="false" placeholder="SQL: outcome.solved_turn > 1" aria-label="SQL condition"
        onChange=${(e) => change({ where: e.target.value.trim() })} />`}
    </header>
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    <aside><${Bars} facets=${facets} chosen=${query.chosen} choose=${choose} /></aside>
    <main>
      <div class="bar">
        <span class="total">${busy ? "…" : `${listed.capped ? "more than " : ""}${listed.total.toLocaleString("en")} dialogues`}</span>
        <span class="sorts">by ${[["row_index", "order"], ...COLUMNS].map(([name, words]) => html`<button
          class=${query.sort === name ? "on" : ""} onClick=${() => change({ sort: name, desc: query.sort === name && !query.desc })}>
          ${words}${query.sort === name ? (query.desc ? " ↓" : " ↑") : ""}</button>`)}</span>
      </div>
      <ol class="rows">${listed.rows.map((r, n) => html`<${Row} key=${r.dialogue_id + r.run_id} row=${r} on=${n === at} mark=${marks[r.dialogue_id]}
        pick=${() => { setAt(n); setOpen(r); }} />`)}</ol>
      ${!busy && !listed.rows.length && html`<p class="none">Nothing fits. Clear the search, the condition or a bar.${query.search && ` ${CASE}`}</p>`}
      ${listed.total > PAGE && html`<nav class="pages">
        <button disabled=${!query.offset} onClick=${() => setQuery({ ...query, offset: query.offset - PAGE })}>‹ earlier</button>
        <span>${query.offset + 1}–${Math.min(query.offset + PAGE, listed.total)}</span>
        <button disabled=${query.offset + PAGE >= listed.total} onClick=${() => setQuery({ ...query, offset: query.offset + PAGE })}>later ›</button>
      </nav>`}
    </main>
    ${open && html`<${Reader} row=${open} compare=${compare} setCompare=${setCompare} mark=${marks[open.dialogue_id]} setMark=${mark}
      close=${() => { setOpen(null); setCompare(false); }} />`}
    <footer>
      ${marked.length > 0 && html`<span>${marked.filter((m) => m === "keep").length} keep, ${marked.filter((m) => m === "drop").length} drop
        ${source.save && html` <button onClick=${save}>save as a filter (s)</button>`}</span>`}
      <span class="keys">j i next, before · Enter read · c compare · k keep · d drop · u unmark · Esc back</span>
    </footer>
    ${notice && html`<div class="notice" role="status"><p>${notice}</p><button onClick=${() => setNotice("")}>close</button></div>`}
  </div>`;
}

function Bars({ facets, chosen, choose }) {
  return Object.entries(FACETS).map(([name, title]) => {
    const counts = (facets[name] || []).filter(([value, n]) => n || chosen[value]);
    const one = name !== "flags" && name !== "how" && counts.length < 2 && !chosen[name];
    if (!counts.length || one) return null;
    const most = Math.max(...counts.map(([, n]) => n), 1);
    return html`<section><h2>${title}</h2>${counts.map(([value, n]) => {
      const key = name === "flags" ? value : name;
      const on = chosen[key] !== undefined && (name === "flags" || chosen[key] === value);
      return html`<button class=${"count" + (on ? " on" : "")} aria-pressed=${on} onClick=${() => choose(key, name === "flags" ? "1" : value)}>
        <progress max=${most} value=${n}></progress>
        <span class="label">${FLAGS[value] || value}</span><span class="n">${n.toLocaleString("en")}</span></button>`;
    })}</section>`;
  });
}

function Row({ row, on, mark, pick }) {
  const line = useRef(null);
  useEffect(() => { if (on && line.current) line.current.scrollIntoView({ block: "nearest" }); }, [on]);
  return html`<li ref=${line} class=${(on ? "on " : "") + (mark || "")}>
    <button class="row" onClick=${pick}>
      <span class=${"how " + kind(row.how)}>${row.how}</span>
      <span class="statement" dir="auto">${row.statement}</span>
      <span class="meta">${row.arm} · sample ${row.sample} · ${row.tokens} tokens${Object.keys(FLAGS).filter((f) => row[f]).map((f) => ` · ${FLAGS[f]}`)}${mark ? ` · ${mark}` : ""}</span>
    </button></li>`;
}

const kind = (how) => (how.startsWith("turn") ? "solved" : how);

// ---------------------------------------------------------------- one dialogue, or several

function Reader({ row, compare, setCompare, mark, setMark, close }) {
  const [dialogues, setDialogues] = useState([]);
  const [fault, setFault] = useState("");
  useEffect(() => {
    let mine = true;
    setFault("");
    const wanted = compare ? source.problem(row.problem_id) : source.dialogue(row.dialogue_id).then((d) => [d]);
    wanted.then((all) => mine && setDialogues(all), (e) => mine && setFault(e.message));
    return () => { mine = false; };
  }, [row.dialogue_id, compare]);
  return html`<article class=${"reader" + (compare ? " wide" : "")} aria-label="Dialogue">
    <div class="bar">
      <button onClick=${close} aria-label="Close">‹ back</button>
      <button class=${compare ? "on" : ""} onClick=${() => setCompare(!compare)}>compare (c)</button>
      <button class=${mark === "keep" ? "on keep" : ""} onClick=${() => setMark("keep")}>keep (k)</button>
      <button class=${mark === "drop" ? "on drop" : ""} onClick=${() => setMark("drop")}>drop (d)</button>
    </div>
    ${fault && html`<p class="fault">${fault}</p>`}
    <div class="columns">${dialogues.map((d) => d && html`<${Dialogue} key=${d.dialogue_id} row=${d} />`)}</div>
  </article>`;
}

function Dialogue({ row }) {
  const [spelled, setSpelled] = useState(null);
  const o = row.outcome;
  const how = o.solved_turn ? `solved at turn ${o.solved_turn}` : o.status;
  return html`<section class="dialogue">
    <h2><span class=${"how " + (o.solved_turn ? "solved" : o.status)}>${how}</span> ${row.arm}, sample ${row.sample}</h2>
    <p class="ids">${row.problem_id} · ${row.dialogue_id} · return ${o.return} · ${row.source}, ${row.licence}
      ${row.duplicate_of && ` · near-duplicate of ${row.duplicate_of}`}</p>
    <details class="known"><summary>What the teacher knew</summary>
      <${Words} text=${row.privileged_context} />${row.gold.tests_json && html`<${Words} text=${row.gold.tests_json} />`}</details>
    ${row.messages.map((m, k) => html`<${Message} message=${m} entry=${row.trail[k]} before=${row.trail[k - 1]} row=${row}
      spelled=${spelled && spelled[k]} />`)}
    ${row.leaks.length > 0 && html`<details class="known"><summary>${row.leaks.length} drafts that leaked</summary>
      <ul>${row.leaks.map((l) => html`<li>turn ${l.turn}, ${l.speaker}: ${l.kind}, ${l.action || "stands"} <${Words} text=${l.evidence} /></li>`)}</ul></details>`}
    ${row.replaced_attempts.map((r) => html`<details class="known"><summary>attempt of turn ${r.turn} that a question replaced (${r.status})</summary><${Words} text=${r.content} /></details>`)}
    ${source.tokens && row.trail.some((t) => t.tokens) && html`<button onClick=${() => spelled ? setSpelled(null) : source.tokens(row.dialogue_id).then(setSpelled, () => {})}>
      ${spelled ? "hide" : "show"} log-probabilities</button>`}
  </section>`;
}

function Message({ message, entry, before, row, spelled }) {
  const who = entry.speaker;
  const v = entry.verdict;
  const gone = (!entry.act || entry.form === entry.act) ? "" : entry.form;
  const notes = [entry.act, gone, entry.move && entry.move !== "answer" ? entry.move : "", entry.train ? "trained" : ""].filter(Boolean);
  if (who === "system") return html`<details class="message system"><summary>system prompt</summary><${Words} text=${message.content} /></details>`;
  return html`<div class=${"message " + who}>
    <p class="who">${who}${entry.turn ? ` ${entry.turn}` : ""} <span>${notes.join(", ")}</span></p>
    ${entry.reasoning && html`<details class="reasoning"><summary>reasoning</summary><${Words} text=${entry.reasoning} /></details>`}
    ${spelled && spelled.length ? html`<${Spelled} tokens=${spelled} />` : html`<${Words} text=${message.content} />`}
    ${v.status && html`<p class=${"verdict " + v.status}>${v.status}${v.extracted && !v.extracted.includes("\n") ? `: ${v.extracted.slice(0, 200)}` : ""}${v.reason ? ` (${v.reason.slice(0, 300)})` : ""}</p>`}
    ${v.detail && html`<details class="reasoning"><summary>what the teacher saw of it</summary><${Words} text=${v.detail} /></details>`}
    ${entry.finish_reason === "length" && html`<p class="verdict unjudged">cut at the length limit</p>`}
    ${entry.leak.kind && html`<p class="verdict leak">leak ${entry.leak.kind}, ${entry.leak.action || "stands"}${entry.leak.evidence ? `: ${entry.leak.evidence.slice(0, 200)}` : ""}</p>`}
  </div>`;
}

function Words({ text }) {
  const [most, setMost] = useState(20000);
  return html`<div class="words" dir="auto">${text.length > most ? text.slice(0, most) : text}</div>
    ${text.length > most && html`<button onClick=${() => setMost(most + 100000)}>show more of ${text.length.toLocaleString("en")} characters</button>`}`;
}

function Spelled({ tokens }) {
  return html`<div class="words spelled" dir="auto">${tokens.slice(0, 4000).map(([text, logprob]) => {
    const p = logprob === null ? null : Math.exp(logprob);
    const shade = p === null ? 0 : p > 0.9 ? 1 : p > 0.6 ? 2 : p > 0.3 ? 3 : p > 0.1 ? 4 : 5;
    return html`<span class=${"p" + shade} title=${p === null ? "not sampled" : `${(100 * p).toFixed(1)} % (${logprob.toFixed(3)})`}>${text}</span>`;
  })}</div>`;
}

render(html`<${App} />`, document.getElementById("app"));
