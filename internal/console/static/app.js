"use strict";
// The page works without this file. It keeps what is shown up to date, and adds keys, a pointer on the charts and copying.
(() => {
  document.documentElement.classList.add("js-on");

  // morph makes an element's content like the new one and leaves alone what is the same, so that focus, selection and what
  // is typed or ticked stay.
  function morph(from, to) {
    const have = [...from.childNodes], want = [...to.childNodes];
    for (let i = 0; i < want.length; i++) {
      const a = have[i], b = want[i];
      if (!a) { from.appendChild(b); continue; }
      if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) { from.replaceChild(b, a); continue; }
      if (a.nodeType !== Node.ELEMENT_NODE) { if (a.data !== b.data) a.data = b.data; continue; }
      if (a.isEqualNode(b)) continue;
      if (a.nodeName === "TR" && a.querySelector(":checked") && a.textContent !== b.textContent) {
        const box = a.querySelector(":checked"), other = b.querySelector("[type=checkbox]");
        if (!other || other.value !== box.value) box.checked = false;
      }
      for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && name !== "open") a.removeAttribute(name);
      for (const { name, value } of [...b.attributes]) if (a.getAttribute(name) !== value) a.setAttribute(name, value);
      morph(a, b);
    }
    for (let i = want.length; i < have.length; i++) have[i].remove();
  }

  function fill(id, html) {
    const region = document.getElementById(id);
    if (!region) return;
    const next = document.createElement("template");
    next.innerHTML = html;
    morph(region, next.content);
    dress(region);
  }

  // A connection for as long as the page is seen: a page in the background costs the database nothing.
  function connect(url, handlers) {
    let source = null;
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(url);
      for (const [name, f] of Object.entries(handlers)) source.addEventListener(name, e => f(JSON.parse(e.data)));
      source.onopen = () => say("");
      source.onerror = () => { if (source && source.readyState !== EventSource.OPEN) say("The server does not answer. Trying on."); };
    };
    const close = () => { if (source) { source.close(); source = null; } };
    const look = () => document.hidden ? close() : open();
    document.addEventListener("visibilitychange", look);
    addEventListener("pagehide", close);
    open();
    return () => { close(); document.removeEventListener("visibilitychange", look); };
  }
  function say(text) {
    const where = document.getElementById("live-down");
    if (!text) { if (where.querySelector("[data-client]")) where.replaceChildren(); return; }
    if (where.firstElementChild) return;
    const p = document.createElement("p");
    p.className = "down"; p.dataset.client = ""; p.textContent = text;
    where.replaceChildren(p);
  }
  const live = document.body.dataset.live;
  if (live) connect(live, {
    blocks: list => { for (const f of list) fill(f.id, f.html); document.body.dataset.updated = Date.now(); },
    down: text => fill("live-down", `<p class="down">${text}</p>`),
  });

  // Ages grow between the updates.
  const two = (a, unit, b, smaller) => b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`;
  const units = s => s < 120 ? `${Math.round(s)} s` : s < 7200 ? two(Math.floor(s / 60), "min", Math.floor(s % 60), "s") : s < 172800 ? two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "min") : two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
  setInterval(() => {
    for (const t of document.querySelectorAll("time[data-ago]")) {
      const s = (Date.now() - Date.parse(t.dateTime)) / 1000;
      t.textContent = s < 0 ? `in ${units(-s)}` : s < 1.5 ? "now" : `${units(s)} ago`;
    }
  }, 1000);

  // Numbers as the server writes them.
  const group = n => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const write = (v, kind) => kind === "seconds" ? (v < 10 ? `${v.toFixed(1)} s` : units(v)) : kind === "rate" ? (v < 9.95 ? v.toFixed(1) : group(Math.round(v))) + "/s" : kind === "plain" ? String(Math.round(v * 1000) / 1000) : group(Math.round(v));

  function point(canvas, x) {
    const box = canvas.getBoundingClientRect();
    const data = JSON.parse(canvas.dataset.chart);
    if (!data.s || !data.s.length) return;
    const t = data.from + (data.to - data.from) * Math.min(Math.max((x - box.left) / box.width, 0), 1);
    let at = null, text = [];
    for (const s of data.s) {
      let best = -1;
      for (let i = 0; i < s.t.length; i++) if (s.v[i] != null && (best < 0 || Math.abs(s.t[i] - t) < Math.abs(s.t[best] - t))) best = i;
      if (best < 0 || Math.abs(s.t[best] - t) > (data.to - data.from) / 20) continue;
      at = at ?? s.t[best];
      text.push([s.n, write(s.v[best], data.kind)]);
    }
    unpoint(canvas);
    if (at === null) return;
    const share = (at - data.from) / (data.to - data.from);
    const line = document.createElement("span"), out = document.createElement("span");
    line.className = "cursor"; out.className = "readout " + (share > .5 ? "left" : "right");
    for (const e of [line, out]) { e.style.left = share * 100 + "%"; canvas.appendChild(e); }
    out.append(data.epoch !== undefined ? `day ${Math.floor((at - data.epoch) / 86400)}` : new Date(at * 1000).toISOString().slice(11, 19));
    for (const [name, value] of text) { const b = document.createElement("b"); b.textContent = value; out.append(` · ${name} `, b); }
  }
  const unpoint = canvas => { for (const e of canvas.querySelectorAll(".cursor, .readout")) e.remove(); };
  document.addEventListener("pointermove", e => {
    const canvas = e.target.closest?.(".canvas[data-chart]");
    for (const c of document.querySelectorAll(".canvas[data-chart]")) if (c !== canvas && c.querySelector(".cursor")) unpoint(c);
    if (canvas) point(canvas, e.clientX);
  });

  // What only makes sense with this file is hidden without it.
  function dress(root) {
    for (const b of root.querySelectorAll(".copy[hidden], .all[hidden], .follow[hidden]")) b.hidden = false;
    const boxes = root.querySelectorAll("table.dead [name=id]");
    if (boxes.length) count();
  }
  function count() {
    const n = document.querySelectorAll("table.dead [name=id]:checked").length, b = document.getElementById("redrive");
    if (b) b.textContent = n ? `Redrive ${n}…` : "Redrive all…";
  }
  document.addEventListener("change", e => {
    if (e.target.matches(".all")) for (const b of e.target.closest("table").querySelectorAll("[name=id]")) b.checked = e.target.checked;
    if (e.target.closest("table.dead")) count();
    if (e.target.matches("#theme")) e.target.form.submit();
    if (e.target.matches("#follow")) follow(e.target);
  });
  document.addEventListener("click", async e => {
    const b = e.target.closest("[data-copy]");
    if (!b) return;
    await navigator.clipboard.writeText(b.dataset.copy);
    b.textContent = "Copied";
    setTimeout(() => { b.textContent = "Copy"; }, 1500);
  });

  let unfollow = null;
  function follow(box) {
    const note = document.getElementById("tail-note"), rows = document.getElementById("event-rows");
    if (unfollow) { unfollow(); unfollow = null; }
    note.hidden = !box.checked;
    if (!box.checked) return;
    note.textContent = "Waiting for new events.";
    let seen = 0;
    unfollow = connect(box.dataset.tail, { events: ({ html, skipped }) => {
      const next = document.createElement("template");
      next.innerHTML = `<table><tbody>${html}</tbody></table>`;
      const fresh = [...next.content.querySelectorAll("tr")];
      seen += fresh.length + skipped;
      rows.prepend(...fresh);
      while (rows.children.length > 200) rows.lastElementChild.remove();
      note.textContent = `${group(seen)} new ${seen === 1 ? "event" : "events"}, the newest on top` + (skipped ? `; they come faster than the page shows them, ${group(skipped)} were left out just now.` : ".");
    } });
  }

  // Keys.
  let prefix = "";
  document.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea")) return;
    const rows = [...document.querySelectorAll("table.rows tbody tr a, table.events tbody .id a, table.dead .id a")].filter((a, i, all) => i === 0 || a.closest("tr") !== all[i - 1].closest("tr"));
    const here = rows.findIndex(a => a.closest("tr").contains(document.activeElement));
    const key = prefix + e.key;
    prefix = "";
    switch (key) {
      case "/": document.getElementById("jump")?.focus(); break;
      case "?": document.getElementById("keys").showModal(); break;
      case "g": prefix = "g"; return;
      case "go": location.href = "/"; break;
      case "gp": location.href = "/problems"; break;
      case "j": rows[Math.min(here + 1, rows.length - 1)]?.focus(); break;
      case "k": rows[Math.max(here - 1, 0)]?.focus(); break;
      default: return;
    }
    e.preventDefault();
  });
  dress(document);
})();
