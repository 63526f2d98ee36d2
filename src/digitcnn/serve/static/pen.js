// The sheet: strokes in units of its own, drawn at the screen's resolution.

export const WIDTH = 800; // of the sheet, whatever the screen

const LONGEST = 480; // pixels of what is sent

export class Pen {
  strokes = [];
  #undone = null; // what the last clear took away

  constructor(canvas, changed) {
    this.canvas = canvas;
    this.width = 26;
    this.changed = changed;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#go(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(kind, (event) => this.#end(event));
    }
  }

  get isEmpty() { return this.strokes.length === 0; }

  #begin(event) {
    if (event.button !== 0 || this.pointer !== undefined) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.strokes.push({ width: this.width, points: [this.#at(event)] });
    this.#drawn();
  }

  #go(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.strokes.at(-1).points.push(...(events.length ? events : [event]).map((each) => this.#at(each)));
    this.#drawn();
  }

  #end(event) {
    if (event.pointerId === this.pointer) this.pointer = undefined;
  }

  #at(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    return [((event.clientX - left) * WIDTH) / width, ((event.clientY - top) * WIDTH) / width];
  }

  #drawn() {
    this.#undone = null;
    this.draw();
    this.changed();
  }

  undo() {
    if (this.#undone) this.strokes = this.#undone;
    else this.strokes.pop();
    this.#undone = null;
    this.draw();
    this.changed();
  }

  clear() {
    const gone = this.isEmpty ? null : this.strokes;
    this.restore([]);
    this.#undone = gone;
  }

  restore(strokes) {
    this.strokes = [...strokes];
    this.#undone = null;
    this.draw();
    this.changed();
  }

  draw() {
    const { canvas } = this;
    const scale = (canvas.clientWidth * devicePixelRatio) / WIDTH;
    canvas.width = canvas.clientWidth * devicePixelRatio;
    canvas.height = canvas.clientHeight * devicePixelRatio;
    ink(canvas.getContext("2d"), this.strokes, scale, getComputedStyle(canvas).color);
  }

  // Black on white, cut to the ink: what lies around it tells the reader nothing.
  snapshot() {
    const points = this.strokes.flatMap((stroke) => stroke.points.map(([x, y]) => [x, y, stroke.width / 2]));
    if (!points.length) return null;
    const [left, top, right, bottom] = [
      Math.min(...points.map(([x, , r]) => x - r)), Math.min(...points.map(([, y, r]) => y - r)),
      Math.max(...points.map(([x, , r]) => x + r)), Math.max(...points.map(([, y, r]) => y + r)),
    ];
    const margin = 24 + (bottom - top) / 4;
    const [width, height] = [right - left + 2 * margin, bottom - top + 2 * margin];
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const sheet = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
    const context = sheet.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.translate((margin - left) * scale, (margin - top) * scale);
    ink(context, this.strokes, scale, "#000");
    return { sheet, scale, left: left - margin, top: top - margin };
  }
}

function ink(context, strokes, scale, color) {
  context.strokeStyle = color;
  context.lineCap = context.lineJoin = "round";
  for (const { width, points } of strokes) {
    context.lineWidth = width * scale;
    context.beginPath();
    const [[x, y], ...rest] = points.map((point) => point.map((each) => each * scale));
    context.moveTo(x, y);
    context.lineTo(x, y + 0.01);
    let [fromX, fromY] = [x, y];
    for (const [toX, toY] of rest) {
      context.quadraticCurveTo(fromX, fromY, (fromX + toX) / 2, (fromY + toY) / 2);
      [fromX, fromY] = [toX, toY];
    }
    context.lineTo(fromX, fromY);
    context.stroke();
  }
}
