// The areas over the picture: drawn, selected, moved by pointer and by keyboard. One SVG, drawn anew at each change.
(() => {
  const cal = window.hallwatch.calibration;
  const NS = "http://www.w3.org/2000/svg";
  const CLOSE_PX = 14;
  const MOVED_PX = 4;
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  cal.fill = fill;

  const make = (tag, attributes, parent) => {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
    if (parent) parent.append(element);
    return element;
  };

  cal.Canvas = class {
    // editor: model, words, picture, faults, fit, select(), edited(), drawn(), removed()
    constructor(editor) {
      this.editor = editor;
      this.svg = make("svg", { class: "cal-areas", role: "group", preserveAspectRatio: "none" });
      this.svg.addEventListener("pointerdown", (event) => this.down(event));
      this.svg.addEventListener("pointermove", (event) => this.move(event));
      this.svg.addEventListener("pointerup", (event) => this.up(event));
      this.svg.addEventListener("pointercancel", (event) => this.up(event));
      this.svg.addEventListener("dblclick", () => this.drawing && this.finish());
      this.svg.addEventListener("keydown", (event) => this.key(event));
      this.svg.addEventListener("focusin", (event) => this.focused(event));
      new ResizeObserver(() => this.draw()).observe(this.svg);
    }

    draw() {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.drawNow());
    }
    drawNow() {
      cancelAnimationFrame(this.frame);
      const { model, words, picture, selected } = this.editor;
      if (!model) return;
      const [w, h] = picture.size;
      const across = Math.max(1, this.svg.clientWidth);
      this.unit = w / across;
      // Signs are smaller over a small picture.
      this.sign = this.unit * (across < 600 ? 0.8 : 1);
      this.svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
      this.svg.setAttribute("aria-label", fill(words.picture, { camera: this.editor.told.camera }));
      this.svg.toggleAttribute("data-drawing", Boolean(this.drawing));
      const focus = this.svg.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
      this.svg.replaceChildren();
      if (this.editor.gridShown && this.editor.fit) this.drawGrid(w, h);
      const shapes = model.shapes();
      for (const shape of shapes) this.drawShape(shape, w, h);
      const chosen = shapes.find((shape) => shape.key === selected);
      if (chosen && !this.drawing) this.drawHandles(chosen, w, h);
      if (this.drawing) this.drawDraft(w, h);
      if (focus) this.focus(focus);
    }
    focus(name) {
      const element = this.svg.querySelector(`[data-focus="${CSS.escape(name)}"]`);
      if (element && element !== document.activeElement) element.focus({ preventScroll: true });
      return Boolean(element);
    }

    drawGrid(w, h) {
      const d = this.editor.fit.grid.map(([x1, y1, x2, y2]) => `M${x1 * w} ${y1 * h}L${x2 * w} ${y2 * h}`).join("");
      make("path", { d, class: "cal-grid-under" }, this.svg);
      make("path", { d, class: "cal-grid" }, this.svg);
    }
    drawShape(shape, w, h) {
      const faults = this.editor.faults.filter((fault) => fault.here && fault.item === shape.item && fault.part === shape.part);
      const chosen = shape.key === this.editor.selected;
      const holder = make("g", { class: "cal-shape", "data-tone": shape.tone, "data-key": shape.key }, this.svg);
      if (chosen) holder.dataset.chosen = "";
      const points = shape.points.map(([x, y]) => [x * w, y * h]);
      const common = { tabindex: this.drawing ? undefined : 0, role: "button", "data-focus": shape.key };
      if (shape.tone === "point") {
        this.drawPoint(holder, shape, points[0], common);
        return;
      }
      if (faults.length) holder.dataset.faulty = "";
      common["aria-label"] = shape.tone === "point" ? shape.words : fill(this.editor.words.whole, { name: shape.words });
      const list = points.map((point) => point.join()).join(" ");
      const tag = shape.tone === "entrance" ? "polyline" : "polygon";
      make(tag, { points: list, class: "cal-under" }, holder);
      if (shape.tone === "entrance") {
        make(tag, { points: list, class: "cal-hit", "stroke-width": 24 * this.unit }, holder);
        if (points.length > 1) this.drawArrow(holder, points);
      }
      make(tag, { points: list, class: "cal-line", ...common }, holder);
      this.drawFaults(holder, faults, points);
      this.drawLabel(holder, shape, points);
    }
    // From the middle of the line to the side that is `in`: to the right, looking from the first to the second point.
    drawArrow(holder, [[ax, ay], [bx, by]]) {
      const [dx, dy] = [bx - ax, by - ay];
      const length = Math.max(1, Math.hypot(dx, dy));
      const [rx, ry] = [-dy / length, dx / length];
      const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
      const reach = 34 * this.sign;
      const [tx, ty] = [mx + rx * reach, my + ry * reach];
      const wing = (side) => [tx - rx * reach * 0.35 + (side * ry * reach) / 3.5, ty - ry * reach * 0.35 - (side * rx * reach) / 3.5];
      const d = `M${mx} ${my}L${tx} ${ty}M${wing(1)}L${tx} ${ty}L${wing(-1)}`;
      make("path", { d, class: "cal-under" }, holder);
      make("path", { d, class: "cal-arrow" }, holder);
      this.text(holder, tx + rx * 12 * this.unit, ty + ry * 12 * this.unit + 4 * this.unit, this.editor.words.in);
      if (holder.dataset.chosen !== undefined) this.text(holder, ax, ay - 14 * this.unit, "1");
      if (holder.dataset.chosen !== undefined) this.text(holder, bx, by - 14 * this.unit, "2");
    }
    drawPoint(holder, shape, [x, y], common) {
      const size = 9 * this.sign;
      const i = Number(shape.key.split("/")[1]);
      const fault = this.editor.faults.find((f) => f.here && f.part === "floor_points" && f.point === i);
      if (fault) holder.dataset.faulty = "";
      const d = `M${x - size} ${y}H${x + size}M${x} ${y - size}V${y + size}`;
      make("circle", { cx: x, cy: y, r: 16 * this.unit, class: "cal-grip" }, holder);
      make("path", { d, class: "cal-under" }, holder);
      make("path", { d, class: "cal-cross" }, holder);
      make("circle", { cx: x, cy: y, r: 16 * this.unit, class: "cal-ring", "aria-label": shape.words, ...common }, holder);
      const error = this.editor.fit && this.editor.fit.errors_m[i];
      const off = error !== null && error !== undefined && error >= 0.005 ? ` ±${error.toFixed(2)} m` : "";
      this.text(holder, x + 12 * this.unit, y - 10 * this.unit, `${i + 1}${off}`, "start");
    }
    drawLabel(holder, shape, points) {
      if (!points.length) return;
      const xs = points.map(([x]) => x);
      const top = Math.min(...points.map(([, y]) => y));
      const [w] = this.editor.picture.size;
      const x = Math.min(w - 30 * this.unit, Math.max(30 * this.unit, (Math.min(...xs) + Math.max(...xs)) / 2));
      const chosen = holder.dataset.chosen !== undefined;
      const words = chosen ? shape.words : this.editor.model.nameOf(shape.item);
      if (chosen || shape.part !== "customer") this.text(holder, x, Math.max(14 * this.unit, top - 6 * this.unit), words);
    }
    text(holder, x, y, words, anchor = "middle") {
      const size = 12.5 * this.sign;
      make("text", { x, y, class: "cal-text", "font-size": size, "text-anchor": anchor, "stroke-width": 3.5 * this.unit }, holder).textContent = words;
    }
    drawFaults(holder, faults, points) {
      for (const fault of faults) {
        for (const edge of fault.edges || []) {
          const [[x1, y1], [x2, y2]] = [points[edge] || points[0], points[(edge + 1) % points.length]];
          make("line", { x1, y1, x2, y2, class: "cal-bad-edge" }, holder);
        }
        const at = fault.point === null ? null : points[fault.point];
        if (at) make("circle", { cx: at[0], cy: at[1], r: 12 * this.unit, class: "cal-bad-point" }, holder);
      }
    }
    drawHandles(shape, w, h) {
      if (shape.tone === "point") return;
      const isLine = shape.tone === "entrance";
      const { words } = this.editor;
      const grip = (matchMedia("(pointer: coarse)").matches ? 22 : 14) * this.unit;
      if (!isLine) {
        shape.points.forEach(([x, y], i) => {
          const [nx, ny] = shape.points[(i + 1) % shape.points.length];
          const [mx, my] = [((x + nx) / 2) * w, ((y + ny) / 2) * h];
          if (Math.hypot((nx - x) * w, (ny - y) * h) < 34 * this.unit) return;
          const name = fill(words.midpoint, { name: shape.words, n: i + 1 });
          this.handle("mid", shape, i, mx, my, 10 * this.unit, 4 * this.unit, name);
        });
      }
      shape.points.forEach(([x, y], i) => {
        const name = fill(isLine ? words.end : words.corner, { name: shape.words, n: i + 1 });
        this.handle("corner", shape, i, x * w, y * h, grip, 6.5 * this.unit, name);
      });
    }
    handle(kind, shape, i, cx, cy, grip, r, label) {
      const holder = make("g", { class: `cal-handle cal-${kind}`, "data-tone": shape.tone, "data-handle": kind, "data-at": i }, this.svg);
      if (kind === "corner" && this.editor.corner === i) holder.dataset.active = "";
      make("circle", { cx, cy, r: grip, class: "cal-grip" }, holder);
      const focus = `${shape.key}/${kind}/${i}`;
      make("circle", { cx, cy, r, class: "cal-dot", tabindex: 0, role: "button", "aria-label": label, "data-focus": focus }, holder);
    }
    drawDraft(w, h) {
      const { kind, points, pointer } = this.drawing;
      const all = pointer && points.length ? [...points, pointer] : points;
      const list = all.map(([x, y]) => `${x * w},${y * h}`).join(" ");
      make("polyline", { points: list, class: "cal-under" }, this.svg);
      make("polyline", { points: list, class: "cal-draft" }, this.svg);
      points.forEach(([x, y], i) => {
        const closes = i === 0 && kind === "polygon" && points.length > 2;
        make("circle", { cx: x * w, cy: y * h, r: (closes ? 9 : 5) * this.unit, class: "cal-draft-dot" }, this.svg);
      });
    }

    // Drawing: `done` is given the points.
    begin(kind, done) {
      this.drawing = { kind, done, points: [], pointer: null };
      this.draw();
    }
    cancel() {
      this.drawing = null;
      this.draw();
      this.editor.drawn();
    }
    finish() {
      const { kind, points, done } = this.drawing;
      const clean = points.filter((point, i) => i === 0 || this.apart(point, points[i - 1]) > 2);
      if (clean.length < { polygon: 3, line: 2, point: 1 }[kind]) return;
      this.drawing = null;
      done(clean.map(([x, y]) => [cal.clamp(x), cal.clamp(y)]));
      this.editor.drawn();
    }
    // For who has no pointer: something in the middle, to be moved by the arrow keys.
    ready() {
      const { kind } = this.drawing;
      const box = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]];
      this.drawing.points = { polygon: box, line: [[0.4, 0.5], [0.6, 0.5]], point: [[0.5, 0.5]] }[kind];
      this.finish();
    }
    apart(a, b) {
      const [w, h] = this.editor.picture.size;
      return Math.hypot((a[0] - b[0]) * w, (a[1] - b[1]) * h) / this.unit;
    }

    at(event) {
      const box = this.svg.getBoundingClientRect();
      return [cal.clamp((event.clientX - box.left) / box.width), cal.clamp((event.clientY - box.top) / box.height)];
    }
    down(event) {
      if (event.button !== 0 || !event.isPrimary) return;
      const at = this.at(event);
      if (this.drawing) {
        event.preventDefault();
        this.drawTo(at);
        return;
      }
      const handle = event.target.closest("[data-handle]");
      const holder = this.under(event);
      const key = handle ? this.editor.selected : holder && holder.dataset.key;
      if (!key) {
        this.editor.select(null);
        return;
      }
      const corner = handle ? Number(handle.dataset.at) : null;
      const inserts = handle && handle.dataset.handle === "mid";
      this.editor.select(key, inserts || !handle ? null : corner, { quiet: true });
      if (!handle) this.editor.panel.show(this.editor.model.shape(key).item);
      this.editor.model.hold();
      if (inserts) this.editor.model.insertCorner(key, corner, ...at);
      const moved = corner === null ? null : inserts ? corner + 1 : corner;
      if (inserts) this.editor.corner = moved;
      const from = this.editor.model.shape(key).points.map((point) => [...point]);
      this.drag = { key, corner: moved, start: at, from, goes: Boolean(inserts), id: event.pointerId };
      // Focus by hand: a pointer that is held elsewhere does not give it.
      event.preventDefault();
      this.drawNow();
      this.focus(moved === null ? key : `${key}/corner/${moved}`);
      this.svg.setPointerCapture(event.pointerId);
    }
    // Of shapes one over the other the one that is chosen already.
    under(event) {
      const all = document.elementsFromPoint(event.clientX, event.clientY).map((e) => e.closest(".cal-shape")).filter(Boolean);
      return all.find((holder) => holder.dataset.chosen !== undefined) || all[0];
    }
    drawTo(at) {
      const { kind, points } = this.drawing;
      if (kind === "polygon" && points.length > 2 && this.apart(at, points[0]) < CLOSE_PX) {
        this.finish();
        return;
      }
      points.push(at);
      if (kind === "point" || (kind === "line" && points.length === 2)) this.finish();
      this.draw();
    }
    move(event) {
      const at = this.at(event);
      if (this.drawing) {
        if (event.pointerType === "mouse") {
          this.drawing.pointer = at;
          this.draw();
        }
        return;
      }
      if (!this.drag || event.pointerId !== this.drag.id) return;
      const { key, corner, start, from } = this.drag;
      if (!this.drag.goes && this.apart(at, start) < MOVED_PX) return;
      this.drag.goes = true;
      const [dx, dy] = [at[0] - start[0], at[1] - start[1]];
      if (corner === null) this.editor.model.moveWhole(key, dx, dy, from);
      else this.editor.model.moveCorner(key, corner, from[corner][0] + dx, from[corner][1] + dy);
      this.draw();
    }
    up(event) {
      if (!this.drag || event.pointerId !== this.drag.id) return;
      const { goes } = this.drag;
      this.drag = null;
      this.editor.model.release();
      if (goes) this.editor.edited({ panel: false });
    }

    focused(event) {
      const name = event.target.dataset.focus;
      if (!name || this.drag || this.drawing) return;
      const [key, corner] = this.parse(name);
      if (key !== this.editor.selected || corner !== this.editor.corner) this.editor.select(key, corner, { quiet: true });
    }
    // Of a name of what has the focus: the shape, its corner.
    parse(name) {
      const found = /^(.*)\/(corner|mid)\/(\d+)$/.exec(name);
      if (!found) return [name, null];
      return [found[1], found[2] === "corner" ? Number(found[3]) : null];
    }
    key(event) {
      const name = event.target.dataset && event.target.dataset.focus;
      if (!name || this.drawing) return;
      const [key, corner] = this.parse(name);
      if (ARROWS[event.key]) {
        const [dx, dy] = ARROWS[event.key];
        this.nudge(dx, dy, event.shiftKey ? 10 : 1);
      } else if (event.key === "Delete" || event.key === "Backspace") {
        if (corner === null) this.editor.removeArea(key);
        else this.removeCorner();
      } else if ((event.key === "Enter" || event.key === " ") && /\/mid\/\d+$/.test(name)) {
        this.insertAt(key, Number(name.split("/").pop()));
      } else if ((event.key === "Enter" || event.key === " ") && corner === null) {
        this.focus(`${key}/corner/0`);
      } else if (event.key === "Escape") {
        if (corner === null) this.editor.select(null);
        else this.focus(key);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    }
    // Moves the corner that is active, or the whole, by pixels of the picture.
    nudge(dx, dy, times) {
      const { selected: key, corner, model, picture } = this.editor;
      if (!key) return;
      const [w, h] = picture.size;
      const [sx, sy] = [(dx * times) / w, (dy * times) / h];
      model.change(() => {
        if (corner === null) return model.moveWhole(key, sx, sy);
        const [x, y] = model.shape(key).points[corner];
        return model.moveCorner(key, corner, x + sx, y + sy);
      }, `nudge ${key} ${corner}`);
      this.editor.edited({ panel: false });
    }
    insertAt(key, edge) {
      const { points } = this.editor.model.shape(key);
      const [[ax, ay], [bx, by]] = [points[edge], points[(edge + 1) % points.length]];
      this.editor.model.change(() => this.editor.model.insertCorner(key, edge, (ax + bx) / 2, (ay + by) / 2));
      this.editor.edited({ panel: false });
      this.drawNow();
      this.focus(`${key}/corner/${edge + 1}`);
    }
    removeCorner() {
      const { selected: key, corner, model, words } = this.editor;
      const { points, tone } = model.shape(key);
      if (tone === "entrance" || points.length < 4) {
        window.hallwatch.say(words.keep_three, "failed");
        return;
      }
      model.change(() => model.shape(key).points.splice(corner, 1));
      this.editor.corner = Math.max(0, corner - 1);
      this.editor.edited({ panel: false });
      this.drawNow();
      this.focus(`${key}/corner/${this.editor.corner}`);
      window.hallwatch.say(words.corner_removed);
    }
  };
})();
