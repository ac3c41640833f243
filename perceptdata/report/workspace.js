// Browsing the sample: filter, search, page, and traces with their spans. Texts are put on the page as text nodes only.
"use strict";
(() => {
  const PAGE = 6; // rows a page, more where the twins of an item would be torn apart
  const TOKEN = /[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu;
  const { rows, images, layers } = JSON.parse(document.getElementById("sample").textContent);
  const element = (id) => document.getElementById(id);
  const form = element("filters");
  const find = element("find");
  const cards = element("cards");
  const tip = element("tip");
  const words = (name) => name.replaceAll("_", " ");
  const tokens = (text) => (text.match(TOKEN) || []).length;
  let chosen = rows;
  let pages = [];
  let page = 0;

  function make(tag, name, ...inside) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    node.append(...inside.filter((item) => item !== null && item !== undefined));
    return node;
  }

  // Choosing

  for (const row of rows) {
    row.tagged = row.texts.concat(row.question).some((text) => Object.values(text.spans).some((spans) => spans.length)) ? "with" : "without";
    const texts = [row.id, row.question.text, ...row.choices, row.answer, row.meta, ...row.texts.map((text) => text.text)];
    row.all = texts.join("\n").toLowerCase();
  }
  for (const select of form.querySelectorAll("select[name]")) {
    const values = [...new Set(rows.map((row) => row[select.name]))].sort();
    select.append(new Option("all", ""), ...values.map((value) => new Option(select.name === "stage" ? words(value) : value, value)));
  }
  const names = Object.keys(layers);
  names.sort((one, other) => (layers[other].labels[0] === "perception") - (layers[one].labels[0] === "perception"));
  element("layer").append(...names.map((name) => new Option(name, name)));
  element("layer-choice").hidden = names.length < 2;

  function choose() {
    const asked = [...form.querySelectorAll("select[name]")].filter((select) => select.value);
    const said = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    chosen = rows.filter((row) => asked.every((select) => row[select.name] === select.value) && said.every((word) => row.all.includes(word)));
    pages = [[]];
    chosen.forEach((row, at) => {
      const last = pages[pages.length - 1];
      if (last.length >= PAGE && chosen[at - 1].group !== row.group) pages.push([row]);
      else last.push(row);
    });
    page = 0;
    show();
  }

  function clear() {
    find.value = "";
    for (const select of form.querySelectorAll("select[name]")) select.value = "";
    choose();
  }

  function show() {
    hideTip();
    const count = chosen.length === rows.length ? `${rows.length} rows` : `${chosen.length} of ${rows.length} rows`;
    element("tally").textContent = pages.length > 1 ? `${count}, page ${page + 1} of ${pages.length}` : count;
    const items = new Map();
    for (const row of pages[page]) items.set(row.group, [...(items.get(row.group) || []), row]);
    cards.replaceChildren(...[...items].map(([group, twins]) => item(group, twins)));
    if (!chosen.length) cards.append(make("p", "nothing", "No row fits. Search fewer words, or clear the filters."));
    for (const trace of cards.querySelectorAll(".trace")) clip(trace);
    legend();
    for (const id of ["previous", "previous-too"]) element(id).disabled = page === 0;
    for (const id of ["next", "next-too"]) element(id).disabled = page >= pages.length - 1;
  }

  function turn(by, top) {
    if (page + by < 0 || page + by >= pages.length) return;
    page += by;
    show();
    if (top) form.scrollIntoView();
  }

  // A card

  function item(group, twins) {
    const about = make("h3", "", make("b", "", twins[0].corpus), `  ${group}`, twins.length > 1 ? `, ${twins.length} rows` : "");
    return make("div", "item", about, ...twins.map(card));
  }

  function card(row) {
    const node = make("article", row.images.length ? "card seen" : "card");
    node.id = `card-${rows.indexOf(row)}`;
    node.tabIndex = -1;
    const link = make("a", "", row.id);
    link.href = address(row);
    const dot = make("i", `swatch fill-${row.stage}`);
    const top = make("p", "top", make("span", "stage", dot, words(row.stage)), make("span", "", row.split), make("span", "", row.kind), link);
    const body = make("div", "", top, turns(row), coloured(row.question, "question"), choices(row), answer(row));
    for (const text of row.texts) body.append(text.name === "facts" ? facts(row, text) : trace(text));
    body.append(record(row));
    if (row.images.length) node.append(make("div", "pictures", ...row.images.map((at, place) => picture(node, images[at], place, row.images.length))));
    node.append(body);
    return node;
  }

  function picture(node, image, place, count) {
    const size = `${image.width} × ${image.height}`;
    const caption = make("figcaption", "", count > 1 ? `image ${place + 1}, ${size}` : size);
    if (!image.src) return make("figure", "", make("p", "nothing", "The pixels of this image cannot be read."), caption);
    const shown = make("img");
    shown.src = image.src;
    shown.alt = `Image ${place + 1} of this row`;
    const button = make("button", "", shown);
    button.type = "button";
    button.setAttribute("aria-label", "Show the image larger or smaller");
    button.addEventListener("click", () => node.classList.toggle("large"));
    return make("figure", "", button, caption);
  }

  function turns(row) {
    if (!row.history.length) return null;
    return make("div", "turns", ...row.history.map((turn) => make("p", "text", `${turn.role}: ${turn.text}`)));
  }

  function choices(row) {
    if (!row.choices.length) return null;
    const list = make("ul", "choices");
    row.choices.forEach((choice, at) => {
      const gold = at === row.index;
      const letter = make("b", "", String.fromCharCode(65 + at));
      list.append(make("li", gold ? "gold" : "", letter, choice, gold ? make("span", "hidden", " (right)") : null));
    });
    return list;
  }

  function answer(row) {
    const unit = row.unit ? ` ${row.unit}` : "";
    const others = row.accepts.length ? `  or ${row.accepts.join(", ")}` : "";
    return make("div", "answer", make("span", "", "answer"), make("p", "text", row.answer + unit + others));
  }

  function facts(row, text) {
    const quality = { oracle: "exact by construction", reference: "as annotated" }[row.quality];
    return make("details", "facts", make("summary", "", quality ? `facts, ${quality}` : "facts"), coloured(text, ""));
  }

  function record(row) {
    const list = make("dl", "record");
    const said = { source: row.source, licence: row.licence, group: row.group, checker: row.checker, meta: row.meta };
    for (const [name, value] of Object.entries(said)) if (value) list.append(make("dt", "", name), make("dd", "", value));
    return make("details", "", make("summary", "", "record"), list);
  }

  // Texts and their spans

  function layerOf(text) {
    const wanted = element("layer").value;
    return wanted in text.spans ? wanted : names.find((name) => name in text.spans);
  }

  function trace(text) {
    const layer = layerOf(text);
    const head = make("header", "", make("b", "", text.name), `${tokens(text.text)} tokens`);
    if (layer) for (const [label, share] of shares(text, layer)) head.append(make("span", "", `${label} ${(100 * share).toFixed(1)} %`));
    return make("div", "trace", head, coloured(text, ""));
  }

  function shares(text, layer) {
    const all = tokens(text.text) || 1;
    return layers[layer].labels.map((label, at) => {
      const spans = text.spans[layer].filter((span) => span[2] === at);
      return [label, spans.reduce((sum, [start, end]) => sum + tokens(text.text.slice(start, end)), 0) / all];
    }).filter(([, share]) => share);
  }

  function coloured(text, name) {
    const node = make("p", `text ${name}`);
    const layer = layerOf(text);
    let at = 0;
    for (const [start, end, label, score, tagger] of layer ? text.spans[layer] : []) {
      if (start < at) continue; // an overlap: its text is coloured already
      const said = layers[layer].labels[label];
      const mark = make("mark", said, text.text.slice(start, end));
      mark.tabIndex = at ? -1 : 0;
      mark.dataset.told = [said, score.toFixed(2), layers[layer].taggers[tagger]].filter(Boolean).join(" · ");
      mark.setAttribute("aria-description", mark.dataset.told);
      node.append(...plain(text.text.slice(at, start)), mark);
      at = end;
    }
    node.append(...plain(text.text.slice(at)));
    if (text.cut) node.append(make("span", "name", ` … ${text.cut.toLocaleString("en")} more characters; perceptdata show prints them`));
    return node;
  }

  function plain(text) {
    return text.split(/(<image>)/).map((piece) => (piece === "<image>" ? make("span", "place", piece) : piece));
  }

  function clip(node) {
    const text = node.querySelector(".text");
    if (text.scrollHeight < 380) return;
    node.classList.add("clipped");
    const button = make("button", "more", "Show all of it");
    button.type = "button";
    button.addEventListener("click", () => {
      button.textContent = node.classList.toggle("clipped") ? "Show all of it" : "Show less";
    });
    node.append(button);
  }

  function legend() {
    const shown = new Set([...cards.querySelectorAll("mark")].map((mark) => mark.className));
    element("legend").replaceChildren(...[...shown].sort().map((label) => make("li", "", make("mark", label, label))));
  }

  // What a span's score is: on hover, and on focus (Tab enters a text, arrows go from span to span)

  function showTip(mark) {
    tip.textContent = mark.dataset.told;
    tip.hidden = false;
    const box = mark.getClientRects()[0];
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${box.top > 48 ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
  }
  function hideTip() { tip.hidden = true; }
  for (const [enter, leave] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    cards.addEventListener(enter, (event) => { const mark = event.target.closest("mark"); if (mark) showTip(mark); });
    cards.addEventListener(leave, hideTip);
  }
  addEventListener("scroll", hideTip, { passive: true });

  addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideTip();
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target.closest("input, select, .scroll, .nav") || !inView()) return;
    event.preventDefault();
    const mark = event.target.closest("mark");
    if (!mark) return turn(by, true);
    const marks = [...mark.parentNode.querySelectorAll("mark")];
    const next = marks[marks.indexOf(mark) + by];
    if (next) { mark.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  });

  function inView() {
    const box = element("rows").getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0;
  }

  // Links to rows

  function address(row) { return `#row=${encodeURIComponent(row.id)}`; }

  function follow() {
    if (!location.hash.startsWith("#row=")) return;
    let id;
    try { id = decodeURIComponent(location.hash.slice(5)); } catch { return; }
    const row = rows.find((each) => each.id === id);
    if (!row) return;
    if (!chosen.includes(row)) clear();
    page = pages.findIndex((each) => each.includes(row));
    show();
    const found = element(`card-${rows.indexOf(row)}`);
    found.classList.add("found");
    found.scrollIntoView();
    found.focus({ preventScroll: true });
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", choose);
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", choose);
  form.addEventListener("reset", (event) => { event.preventDefault(); clear(); });
  for (const [id, by, top] of [["previous", -1, false], ["next", 1, false], ["previous-too", -1, true], ["next-too", 1, true]]) {
    element(id).addEventListener("click", () => turn(by, top));
  }
  addEventListener("hashchange", follow);
  choose();
  follow();
})();
