"use strict";
// Forms for what is served, made of each run's schema; answers as tables, texts and drawings.

const byId = id => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "path", "text", "rect", "line", "title"].includes(tag);
  const node = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const labelled = (text, field, help = "") =>
  make("label", field.type === "checkbox" ? {class: "check"} : {},
    ...(field.type === "checkbox" ? [field, text] : [text, field]), ...(help ? [make("small", {}, help)] : []));

const show = (...nodes) => byId("answer").replaceChildren(...nodes);
const fail = error => show(make("p", {class: "error", role: "alert"}, error.message ?? String(error)));
const number = value => typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

async function ask(path, content) {
  const answer = await fetch(path, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(content)});
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

// A CSV text as objects: quotes, numbers, and empty cells as null.
function parse(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.trim().matchAll(/(?:"((?:[^"]|"")*)"|([^",;\t\r\n]*))([,;\t]|\r?\n|$)/g)) {
    rows.at(-1).push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain.trim());
    if (end === "") break;
    if (end.endsWith("\n")) rows.push([]);
  }
  const [header, ...cells] = rows;
  const typed = cell => cell === "" ? null : /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(cell) ? Number(cell) : cell;
  return cells.map(row => Object.fromEntries(header.map((name, i) => [name, typed(row[i] ?? "")])));
}

function table(rows) {
  const names = Object.keys(rows[0] ?? {});
  const cell = value => make("td", typeof value === "number" ? {class: "number"} : {}, String(number(value) ?? ""));
  return make("table", {}, make("thead", {}, make("tr", {}, ...names.map(name => make("th", {scope: "col"}, name)))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...names.map(name => cell(row[name]))))));
}

// What was, and what follows with its interval, of one column.
function chart(name, before, ahead, time) {
  const [low, high] = ["lower", "upper"].map(end => Object.keys(ahead[0]).find(key => key.startsWith(`${name}_${end}`)));
  const past = before.slice(-4 * ahead.length - 30).map(row => row[name]);
  const values = [...past, ...ahead.flatMap(row => [row[name], row[low] ?? row[name], row[high] ?? row[name]])]
    .filter(value => typeof value === "number");
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = i => 60 + 720 * i / Math.max(1, past.length + ahead.length - 1);
  const y = value => 260 - 230 * (value - least) / (most - least || 1);
  const points = (list, first = 0) => list.map((value, i) => [value, i + first])
    .filter(([value]) => typeof value === "number").map(([value, i]) => `${x(i)},${y(value)}`);
  const line = list => list.length ? `M${list.join("L")}` : "";
  const parts = [make("title", {}, `${name}: ${past.length} steps and a forecast of ${ahead.length}`)];
  for (const value of [least, (least + most) / 2, most])
    parts.push(make("text", {x: 52, y: y(value) + 4, "text-anchor": "end"}, String(number(Number(value.toPrecision(4))))));
  parts.push(make("line", {class: "axis", x1: 60, x2: 780, y1: 262, y2: 262}));
  if (low) {
    const edges = [...points(ahead.map(row => row[high]), past.length), ...points(ahead.map(row => row[low]), past.length).reverse()];
    parts.push(make("path", {class: "band", d: `${line(edges)}Z`}));
  }
  parts.push(make("path", {class: "line", d: line(points(past))}));
  parts.push(make("path", {class: "ahead", d: line(points(ahead.map(row => row[name]), past.length))}));
  parts.push(make("text", {x: 60, y: 280}, String((before.at(-past.length) ?? ahead[0])[time] ?? "")));
  parts.push(make("text", {x: 780, y: 280, "text-anchor": "end"}, String(ahead.at(-1)[time] ?? "")));
  return make("figure", {}, make("figcaption", {}, name), make("svg", {viewBox: "0 0 800 290", role: "img"}, ...parts));
}

// Where each token of a translation looked in its source.
function attention({source, target, weights}) {
  const size = 26, left = 110, top = 90;
  const parts = [make("title", {}, "Attention: a row for each token of the translation, a column for each of the source")];
  source.forEach((token, i) => parts.push(make("text",
    {transform: `translate(${left + size * (i + .6)},${top - 6}) rotate(-50)`}, token)));
  target.forEach((token, i) => parts.push(make("text", {x: left - 8, y: top + size * (i + .65), "text-anchor": "end"}, token)));
  weights.forEach((row, i) => row.forEach((weight, j) => parts.push(make("rect", {class: "cell", x: left + size * j,
    y: top + size * i, width: size - 2, height: size - 2, opacity: weight}, make("title", {}, `${target[i]} ← ${source[j]}: ${weight.toFixed(2)}`)))));
  const [width, height] = [left + size * source.length + 60, top + size * target.length + 10];
  return make("svg", {viewBox: `0 0 ${Math.max(width, 640)} ${height}`, role: "img"}, ...parts);
}

// Where the class of a picture is seen in it.
const located = ({class: name, picture}) => make("figure", {}, make("figcaption", {}, `where ${name} is seen`),
  make("img", {alt: `The picture, bright where ${name} is seen`, src: `data:image/png;base64,${picture}`}));

const file = async input => input.files.length ? parse(await input.files[0].text()) : undefined;
const encoded = blob => new Promise(done => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.readAsDataURL(blob);
});

// By kind: the fields of what is asked about, and what they hold.
const KINDS = {
  rows(run) {
    const fields = Object.entries(run.schema.$defs.row.properties).map(([name, type]) => {
      const field = type.enum ? make("select", {}, ...type.enum.map(value => make("option", {value: value ?? ""}, value ?? "(another)")))
        : make("input", type.anyOf[0].type === "number" ? {type: "number", step: "any"} : {type: "text"});
      return [name, field, type];
    });
    const value = (field, type) => field.value === "" ? null : !type.enum && type.anyOf[0].type === "number" ? Number(field.value) : field.value;
    return [[make("fieldset", {}, make("legend", {}, "One row"), ...fields.map(([name, field]) => labelled(name, field)))],
      () => ({rows: [Object.fromEntries(fields.map(([name, field, type]) => [name, value(field, type)]))]})];
  },
  texts() { return typed("Texts, one a line", text => ({texts: text.split("\n").filter(line => line.trim())})); },
  lines() { return KINDS.texts(); },
  prompt() { return typed("How the text begins", text => ({text})); },
  pictures() {
    const input = make("input", {type: "file", accept: "image/*", multiple: ""});
    const drop = make("div", {class: "drop"}, labelled("Pictures (or drop them here)", input));
    drop.addEventListener("dragover", event => event.preventDefault());
    drop.addEventListener("drop", event => { event.preventDefault(); input.files = event.dataTransfer.files; });
    return [[drop], async () => {
      input.sources = await Promise.all([...input.files].map(encoded));
      return {pictures: input.sources.map(source => source.split(",")[1])};
    }, () => input.sources];
  },
  series(run) {
    const input = make("input", {type: "file", accept: ".csv,text/csv"}), area = make("textarea", {placeholder: "date,sales"});
    return [[labelled("A CSV file that ends where the forecast is to begin", input), labelled("or its text", area,
      run.kind === "series" ? "Without either, the forecast goes on from the run's own data." : "Without either, the opening of a test piece.")],
      async () => { const rows = await file(input) ?? (area.value.trim() ? parse(area.value) : undefined); return rows ? {rows} : {}; }];
  },
  chords(run) { return KINDS.series(run); },
  samples() { return [[], () => ({})]; },
};

function typed(name, content) {
  const area = make("textarea", {required: ""});
  return [[labelled(name, area)], () => content(area.value)];
}

// The flags of `zoo predict` that the run takes.
function options(run) {
  const kinds = type => (type.anyOf ?? [type]).map(each => each.type);
  const found = Object.entries(run.schema.properties).filter(([name, type]) => name !== run.asks && !kinds(type).includes("string"));
  return found.map(([name, type]) => {
    const [flag, many] = [kinds(type).includes("boolean"), kinds(type).includes("array")];
    const field = make("input", flag ? {type: "checkbox"} : many ? {type: "file", accept: ".csv"} : {type: "number", step: "any"});
    if (name === "explain") field.checked = true;
    const value = async () => flag ? field.checked || undefined : many ? file(field) : field.value === "" ? undefined : Number(field.value);
    return [name, labelled(name, field, type.description), value];
  });
}

async function stream(path, content, goesOn) {
  const text = make("pre", {});
  const reader = (await ask(path, content)).body.pipeThrough(new TextDecoderStream()).getReader();
  if (goesOn()) show(text);
  for (let rest = "";;) {
    const {value, done} = await reader.read();
    if (done || !goesOn()) return reader.cancel();
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = JSON.parse(event.split("data: ")[1]);
      if (data.error) throw new Error(data.error);
      text.append(data.text ?? "");
    }
  }
}

function answer(run, content, found, sources) {
  const nodes = found.notes.map(note => make("p", {}, make("small", {}, note)));
  if (found.picture) nodes.push(make("img", {class: "sheet", alt: "New pictures", src: `data:image/png;base64,${found.picture}`}));
  if (found.text !== undefined) nodes.push(make("pre", {}, found.text));
  if (run.kind === "series") {
    const names = Object.keys(found.rows[0]), time = run.time in found.rows[0] ? run.time : names[0];
    const drawn = names.filter(name => name !== time && typeof found.rows[0][name] === "number" && !/_(lower|upper)/.test(name));
    if (new Set(found.rows.map(row => row[time])).size === found.rows.length)
      nodes.push(...drawn.map(name => chart(name, content.rows ?? [], found.rows, time)));
  }
  sources.forEach((src, i) => nodes.push(make("img", {class: "small", alt: `Picture ${i + 1}`, src})));
  const rows = found.rows ?? found.texts ?? found.pictures ?? [];
  const plain = rows.map(({explained, best, ...row}) => best ? {text: best.map(each => each.text).join(" / ")} : row);
  if (plain.length) nodes.push(table(plain));
  rows.forEach(({explained}) => nodes.push(...(!explained ? [] : explained.picture ? [located(explained)] : [attention(explained)])));
  if (rows.some(row => row.explained === null)) nodes.push(make("p", {}, "This model does not tell where it looked."));
  show(...nodes);
}

function open(name, run) {
  const [fields, read, sources = () => []] = KINDS[run.kind](run), flags = options(run);
  const button = make("button", {}, run.streams ? "Continue" : "Ask");
  const more = flags.length ? [make("details", ["prompt", "samples"].includes(run.kind) ? {open: ""} : {}, make("summary", {}, "More"), make("fieldset", {}, ...flags.map(flag => flag[1])))] : [];
  byId("form").replaceChildren(make("h2", {}, `${run.title}: ${name}`), ...fields, ...more, button);
  show();
  byId("form").onsubmit = async event => {
    event.preventDefault();
    button.disabled = true;
    const goesOn = () => button.isConnected;  // an answer that comes when another form is open is dropped
    show(make("small", {}, "Asked …"));
    try {
      const content = await read();
      for (const [flag, , value] of flags) content[flag] = await value();
      const path = `/runs/${encodeURIComponent(name)}`;
      if (run.streams && !(content.samples > 1)) await stream(`${path}/generate`, content, goesOn);
      else {
        const found = await (await ask(`${path}/predict`, content)).json();
        if (goesOn()) answer(run, content, found, sources());
      }
    } catch (error) { if (goesOn()) fail(error); }
    if (!goesOn()) return;
    button.disabled = false;
    button.focus();
  };
}

fetch("/runs").then(answer => answer.json()).then(runs => {
  byId("run").append(...Object.keys(runs).map(name => make("option", {}, name)));
  byId("run").onchange = () => open(byId("run").value, runs[byId("run").value]);
  byId("run").onchange();
}).catch(fail);
