// The page: what is on the stage goes to the service, and its answer onto the page.

import { Pen, WIDTH } from "./pen.js";
import { ask, joined, post } from "./service.js";

const $ = (selector) => document.querySelector(selector);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const UNSURE = 0.5; // below, an answer is more likely wrong than right
const PICTURE_SIDE = 2048; // the reader looks no closer
const HISTORY = 24;
const ROOM = 5; // pixels between a digit's ink and its box
const NO_ANSWER = "The service does not answer. Is it still running?";

const stage = $("#stage"), picture = $("#picture"), video = $("#video"), answerText = $("#answer");
const pen = new Pen($("#draw"), () => follow());
let mode = "drawing"; // or "picture", "webcam"
let opened = null; // the picture on the stage: its blob and name
let answer = null;
let chosen = 0; // the digit whose bars and steps are shown
let turn = 0; // counts what is on the stage; a late answer to something else is dropped

/* ---- asking ---- */

let asking = false, again = false, corrections = 0;

async function follow() {
  turn += 1;
  $("#hint").hidden = mode !== "drawing" || !pen.isEmpty;
  if (mode === "drawing" && pen.isEmpty) return show(null);
  again = true;
  if (asking) return;
  asking = true;
  $("#answer").ariaBusy = "true";
  while (again) {
    again = false;
    const before = corrections;
    const [first] = pen.strokes;
    const shot = mode === "drawing" ? pen.snapshot() : null;
    if (!shot) break;
    const got = await answerTo(await shot.sheet.convertToBlob());
    if (got && mode === "drawing" && pen.strokes[0] === first && before === corrections) {
      for (const digit of got.digits) {
        digit.box = (digit.box ?? [0, 0, shot.sheet.width, shot.sheet.height]).map(
          (side, index) => side / shot.scale + (index % 2 ? shot.top : shot.left));
      }
      show(got);
    }
  }
  asking = false;
  $("#answer").ariaBusy = "false";
}

async function answerTo(blob) {
  try {
    const [reading, single] = await Promise.all([post("v1/read", blob), post("v1/predict", blob)]);
    tell("");
    return joined(reading, single);
  } catch {
    tell(NO_ANSWER);
    return null;
  }
}

function tell(trouble) {
  $("#trouble").hidden = !trouble;
  $("#trouble").textContent = trouble;
}

/* ---- showing ---- */

function show(got) {
  answer = got;
  chosen = Math.min(chosen, Math.max(0, (got?.digits.length ?? 0) - 1));
  const sure = got?.confidence ?? 0;
  const isSure = Boolean(got?.text) && sure >= UNSURE;
  write(answerText, !got ? "" : got.error ? "no picture" : !got.text ? "no digit" : isSure ? got.text : "not sure");
  answerText.className = isSure ? "read" : "words";
  const lines = (got?.text ?? "").split("\n");
  answerText.style.setProperty("--length", Math.max(3, ...lines.map((line) => line.length)));
  answerText.style.setProperty("--lines", lines.length);
  write($("#sureness"), !got ? "" : got.error ? TROUBLES[got.code] ?? got.error : !got.text ? "There is nothing to read yet."
    : isSure ? `${percent(sure)} sure` : `Perhaps ${got.text.replace("\n", " ")}, ${percent(sure)} sure`);
  $("#copy").disabled = !got?.text;
  showDigits();
  place();
  clearTimeout(explaining);
  if (mode !== "webcam") explaining = setTimeout(explain, 250);
}

const TROUBLES = { unreadable_image: "This file is no picture that can be read.", too_large: "This picture is too large to be read." };
const write = (target, text) => { if (target.textContent !== text) target.textContent = text; };
const percent = (value) => (value > 0.995 ? "over 99 %" : `${Math.round(value * 100)} %`);
const grade = (value) => (value >= 0.9 ? "good" : value >= UNSURE ? "fair" : "poor");

const bars = Array.from({ length: 10 }, (_, digit) => {
  const bar = element("li", {}, element("i"), element("b", { textContent: digit }));
  $("#bars").append(bar);
  return bar;
});

function showDigits() {
  const digits = answer?.digits ?? [];
  $("#digits").replaceChildren(...digits.map((digit, index) => {
    const chip = element("button", { type: "button", textContent: digit.value, className: grade(digit.confidence) });
    chip.setAttribute("aria-pressed", index === chosen);
    chip.setAttribute("aria-label", `${digit.value}, ${percent(digit.confidence)} sure. ${index === chosen ? "Correct" : "Show"} it`);
    chip.onclick = () => pick(index);
    return chip;
  }));
  const shown = digits[chosen];
  bars.forEach((bar, digit) => {
    const value = shown?.probabilities?.[digit] ?? 0;
    bar.style.setProperty("--value", value);
    bar.className = shown?.value === digit ? grade(value) : "";
    bar.setAttribute("aria-label", `${digit}: ${Math.round(value * 100)} %`);
  });
}

// A digit is shown first, and corrected when it is picked again.
function pick(index) {
  if (index === chosen) return correct(index);
  chosen = index;
  showDigits();
  place();
  explain();
}

// Where the stage shows the picture, in CSS pixels: left, top, and pixels for one of the picture's.
function frame() {
  if (mode === "drawing") return [0, 0, stage.clientWidth / WIDTH];
  const [width, height] = answer?.size ?? [1, 1];
  const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height);
  return [(stage.clientWidth - width * scale) / 2, (stage.clientHeight - height * scale) / 2, scale];
}

function place() {
  const [left, top, scale] = frame();
  $("#boxes").replaceChildren(...(answer?.digits ?? []).filter((digit) => digit.box).map((digit, index) => {
    let [from, up, to, down] = digit.box;
    if (video.classList.contains("mirrored") && mode === "webcam") [from, to] = [answer.size[0] - to, answer.size[0] - from];
    const box = element("span", { className: grade(digit.confidence) }, element("b", { textContent: digit.value }));
    Object.assign(box.style, { left: `${left + from * scale - ROOM}px`, top: `${top + up * scale - ROOM}px`,
      width: `${(to - from) * scale + 2 * ROOM}px`, height: `${(down - up) * scale + 2 * ROOM}px` });
    box.classList.toggle("chosen", index === chosen && answer.digits.length > 1);
    if (mode === "picture") box.onclick = () => pick(index);
    return box;
  }));
}
new ResizeObserver(place).observe(stage);

/* ---- how it was read ---- */

let explaining;

async function explain() {
  const asked = turn, part = answer?.digits.length ? await cut(answer.digits[chosen]) : null;
  const got = part && (await post("v1/explain", part).catch(() => null));
  if (asked !== turn) return;
  if (!got?.steps) return $("#steps").replaceChildren(element("li", { className: "empty", textContent: "The steps from your ink to the network’s 28 × 28 pixels appear here." }));
  const steps = got.steps.map((step) => figure(step.png, step.name, step.note));
  if (got.attention) steps.push(figure(got.attention, "what counts", "Hiding what glows would change the answer most."));
  $("#steps").replaceChildren(...steps);
}

const figure = (png, name, note) => element("li", {},
  element("img", { src: `data:image/png;base64,${png}`, alt: "" }),
  element("b", { textContent: name }), element("small", { textContent: note }));

// A digit of what is on the stage, with some room around it, as a PNG.
async function cut(digit) {
  const shot = mode === "drawing" ? pen.snapshot() : null;
  const source = shot?.sheet ?? picture;
  const [left, top, right, bottom] = shot
    ? digit.box.map((side, index) => (side - (index % 2 ? shot.top : shot.left)) * shot.scale)
    : digit.box ?? [0, 0, ...answer.size];
  const zoom = shot ? 1 : picture.naturalWidth / answer.size[0];
  const margin = 0.2 * (bottom - top);
  const [width, height] = [right - left + 2 * margin, bottom - top + 2 * margin];
  const reduce = Math.min(1, 320 / height);
  const sheet = new OffscreenCanvas(Math.max(1, width * reduce), Math.max(1, height * reduce));
  const context = sheet.getContext("2d");
  if (shot) { context.fillStyle = "#fff"; context.fillRect(0, 0, sheet.width, sheet.height); }
  context.drawImage(source, (left - margin) * zoom, (top - margin) * zoom, width * zoom, height * zoom, 0, 0, sheet.width, sheet.height);
  return sheet.convertToBlob();
}

/* ---- pictures: opened, dropped, pasted ---- */

async function open(files) {
  const pictures = [...files];
  if (!pictures.length) return;
  leave();
  for (const [index, file] of pictures.entries()) {
    const got = await answerTo(await smaller(file));
    if (!got) return;
    if (index === 0 || !answer || answer.error) await put(file, got);
    remember(file, got, file.name);
  }
}

// Photos of many megabytes need not travel whole.
async function smaller(file) {
  if (file.size < 4e6) return file;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const scale = Math.min(1, PICTURE_SIDE / Math.max(bitmap.width, bitmap.height));
  const sheet = new OffscreenCanvas(bitmap.width * scale, bitmap.height * scale);
  sheet.getContext("2d").drawImage(bitmap, 0, 0, sheet.width, sheet.height);
  return sheet.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

async function put(blob, got) {
  turn += 1;
  set("picture");
  opened = blob;
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(blob);
  await picture.decode().catch(() => null);
  chosen = 0;
  show(got);
}

function set(kind) {
  mode = kind;
  stage.dataset.mode = kind;
  $("#draw").hidden = kind !== "drawing";
  picture.hidden = kind !== "picture";
  video.hidden = kind !== "webcam";
  $("#hint").hidden = kind !== "drawing" || !pen.isEmpty;
  $("#webcam").setAttribute("aria-pressed", kind === "webcam");
  $("#webcam span").textContent = kind === "webcam" ? "Stop" : "Webcam";
  $("#undo").disabled = kind !== "drawing";
  if (kind === "webcam") $("#steps").replaceChildren(element("li", { className: "empty", textContent: "Stop the webcam to see how its last picture was read." }));
}

/* ---- webcam ---- */

async function film() {
  if (mode === "webcam") return stop();
  if (!navigator.mediaDevices) return $("#capture").click(); // a phone without https
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch (error) {
    return tell(error.name === "NotAllowedError" ? "The browser was not allowed to use the webcam." : "No webcam was found.");
  }
  leave();
  set("webcam");
  show(null);
  const track = video.srcObject.getVideoTracks()[0];
  // Mirrored for the eye alone: what is sent is as the camera sees it.
  video.classList.toggle("mirrored", track.getSettings().facingMode !== "environment");
  await video.play();
  while (mode === "webcam") {
    if (document.hidden) { await new Promise((resolve) => setTimeout(resolve, 300)); continue; }
    const blob = await still();
    const reading = await post("v1/read", blob).catch(() => null);
    if (mode !== "webcam") break;
    if (!reading) { tell(NO_ANSWER); await new Promise((resolve) => setTimeout(resolve, 1000)); continue; }
    tell("");
    show(joined(reading, {}));
  }
}

async function still() {
  const scale = Math.min(1, 960 / video.videoWidth);
  const sheet = new OffscreenCanvas(video.videoWidth * scale, video.videoHeight * scale);
  sheet.getContext("2d").drawImage(video, 0, 0, sheet.width, sheet.height);
  return sheet.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

// The last frame stays as a picture.
async function stop() {
  const blob = await still();
  mode = "picture"; // the loop above ends
  end();
  const got = await answerTo(blob);
  if (!got) return set("drawing");
  await put(blob, got);
  remember(blob, got, "webcam");
}

function end() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

/* ---- history ---- */

// What was drawn joins the history when it goes; pictures joined it when they came.
function leave() {
  if (mode === "webcam") end();
  if (mode === "drawing" && !pen.isEmpty && answer) {
    const { strokes } = pen, got = answer;
    pen.snapshot().sheet.convertToBlob().then((blob) => remember(blob, got, "drawing", strokes));
    pen.clear();
  }
}

function remember(blob, got, name, strokes = null) {
  const address = URL.createObjectURL(blob);
  const text = got.error ? "no picture" : got.text.replaceAll("\n", " ") || "no digit";
  const entry = element("button", { type: "button", title: got.error ?? name }, element("img", { src: address, alt: name, className: strokes ? "sheet" : "" }),
    element("b", { textContent: text, className: got.text ? grade(got.confidence) : "poor" }));
  entry.onclick = async () => {
    scrollTo({ top: 0 });
    if (!strokes) { leave(); return put(blob, got); }
    if (mode === "drawing") leave();
    set("drawing");
    pen.restore(strokes);
  };
  $("#history .empty")?.remove();
  $("#history").prepend(element("li", {}, entry));
  while ($("#history").children.length > HISTORY) {
    URL.revokeObjectURL($("#history").lastChild.querySelector("img").src);
    $("#history").lastChild.remove();
  }
}

function clear() {
  leave();
  if (mode !== "drawing") set("drawing");
  turn += 1;
  tell("");
  if (!pen.isEmpty) pen.clear();
  show(null);
  $("#hint").hidden = false;
}

/* ---- correcting ---- */

let wrong = null;
$("#correct .keys").append(...Array.from({ length: 10 }, (_, digit) => element("button", { value: digit, textContent: digit })));

function correct(index) {
  wrong = index;
  $("#correct").returnValue = "";
  $("#correct").showModal();
  $("#correct .keys").children[answer.digits[index].value].focus();
}

$("#correct").addEventListener("close", async () => {
  const label = $("#correct").returnValue;
  if (label === "" || !answer?.digits[wrong]) return;
  const digit = answer.digits[wrong];
  corrections += 1; // a late answer must not undo it
  const part = await cut(digit);
  Object.assign(digit, { value: Number(label), confidence: 1, probabilities: Array.from({ length: 10 }, (_, each) => Number(each === Number(label))) });
  if (answer.digits.length === 1) Object.assign(answer, { text: label, confidence: 1 });
  else if (answer.text.replace(/\D/g, "").length === answer.digits.length) {
    let at = -1;
    answer.text = answer.text.replace(/\d/g, (old) => ((at += 1) === wrong ? label : old));
  }
  show(answer);
  await ask(`v1/samples?label=${label}`, { method: "POST", body: part }).catch(() => tell(NO_ANSWER));
  about();
});

async function about() {
  const samples = await ask("v1/samples").then((response) => response.json()).catch(() => ({}));
  $("#teach").hidden = !samples.count;
  if (!samples.count) return;
  $("#kept").textContent = samples.count === 1 ? "One digit was kept with its label." : `${samples.count} digits were kept with their labels.`;
  $("#command").textContent = samples.command;
  $("#command").onclick = () => copy(samples.command);
}

$("#zip").onclick = async () => {
  const zip = await ask("v1/samples.zip").then((response) => response.blob()).catch(() => tell(NO_ANSWER));
  if (!zip) return;
  const address = URL.createObjectURL(zip);
  element("a", { href: address, download: "samples.zip" }).click();
  URL.revokeObjectURL(address);
};

/* ---- copying ---- */

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else { // a page that came without https from another machine
    const field = element("textarea", { value: text, className: "unseen" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  $("#copied").textContent = "Copied";
  setTimeout(() => { $("#copied").textContent = ""; }, 1500);
}

const fileName = () => (mode === "picture" && opened?.name) || "picture.png";
$("#copy").onclick = () => copy(answer.text);
$("#as-curl").onclick = () => copy(`curl --data-binary @${fileName()} ${location.origin}/v1/read`);
$("#as-python").onclick = () => copy(`from digitcnn import read\n\nprint(read("${fileName()}").text)\n`);

/* ---- what the user does ---- */

$("#undo").onclick = () => pen.undo();
$("#clear").onclick = clear;
$("#open").onclick = () => $("#file").click();
for (const input of [$("#file"), $("#capture")]) {
  input.onchange = async () => { await open(input.files); input.value = ""; };
}
$("#webcam").onclick = film;
$("#width").oninput = ({ target }) => { pen.width = Number(target.value); stage.style.setProperty("--nib", target.value); $("#nib").style.setProperty("--nib", target.value); };
$("#theme").onclick = () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  pen.draw();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => pen.draw());
addEventListener("keydown", (event) => {
  if ($("dialog[open]") || event.target.matches("input[type=password]")) return;
  if (event.key === "Escape") clear();
  else if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === "z") { event.preventDefault(); if (mode === "drawing") pen.undo(); }
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) { event.preventDefault(); open(event.clipboardData.files); }
});
addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
addEventListener("dragleave", () => stage.classList.remove("over"));
addEventListener("drop", (event) => { event.preventDefault(); stage.classList.remove("over"); open(event.dataTransfer.files); });

set("drawing");
show(null);
about();
