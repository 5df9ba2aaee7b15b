// The page: picture, areas, list, undo, and a look at the file each time something changed.
(() => {
  const cal = window.hallwatch.calibration;
  const { fill, h } = cal;
  const CHECK_AFTER_MS = 350;
  const ZOOMS = [1, 1.5, 2, 3];

  class HallCalibration extends HTMLElement {
    connectedCallback() {
      if (this.canvas) return this.picture.start();
      this.told = JSON.parse(this.getAttribute("told"));
      this.words = this.told.words;
      [this.faults, this.fit, this.selected, this.corner, this.gridShown, this.zoom] = [[], null, null, null, true, 0];
      this.picture = new cal.Picture(this.told, () => this.drawStage());
      this.canvas = new cal.Canvas(this);
      this.panel = new cal.Panel(this);
      this.build();
      this.saving = new cal.Saving(this);
      this.keys = (event) => this.key(event);
      document.addEventListener("keydown", this.keys);
      this.picture.start();
      this.load();
    }
    disconnectedCallback() {
      this.picture.stop();
      document.removeEventListener("keydown", this.keys);
    }

    build() {
      const tool = (name, icon, act, attributes = {}) => {
        const button = h("button.cal-tool", { type: "button", "data-testid": name, "data-tool": name, onclick: act, title: this.words[name], "aria-label": this.words[name], ...attributes }, cal.icon(icon), h("span.cal-tool-words", {}, this.words[name] || ""));
        return button;
      };
      this.input = h("input", { type: "file", accept: "image/*", hidden: true, "data-testid": "file", "aria-label": this.words.upload, onchange: () => this.input.files[0] && this.picture.own(this.input.files[0]) });
      this.tools = h("div.cal-tools", { role: "toolbar", "aria-label": this.words.picture.replace("{camera}", this.told.camera) },
        tool("undo", "undo", () => this.undo()), tool("redo", "redo", () => this.redo()),
        tool("grid", "grid_4x4", () => this.toggleGrid(), { "aria-pressed": "true" }),
        tool("zoom_out", "zoom_out", () => this.setZoom(-1)), tool("zoom_in", "zoom_in", () => this.setZoom(1)),
        tool("refresh", "refresh", () => this.picture.fetch()),
        tool("freeze", "pause", () => this.freeze(), { "aria-pressed": "false" }),
        tool("upload", "image", () => this.input.click()), tool("back_live", "videocam", () => this.picture.back()), this.input);
      this.state = h("span.cal-state", { role: "status", "data-testid": "state" });
      this.save = h("button.cal-button.cal-main", { type: "button", "data-testid": "save", onclick: () => this.saving.ask() }, this.words.save);
      this.about = h("p.cal-about.quiet", { "aria-live": "polite" });
      this.sheet = h("div.cal-sheet", {}, this.picture.image, this.canvas.svg);
      this.stage = h("div.cal-stage", {}, this.sheet);
      this.below = h("div.cal-below");
      this.append(h("div.cal-bar", {}, this.tools, h("div.cal-bar-end", {}, this.state, this.save)), h("div.cal-columns", {}, h("div.cal-left", {}, this.stage, this.about, this.below), this.panel.root));
      this.drawStage();
    }
    async load() {
      this.state.textContent = this.words.loading;
      try {
        this.opened = await window.hallwatch.ask("GET", this.told.areas);
      } catch (error) {
        this.state.textContent = "";
        this.panel.root.replaceChildren(h("p.cal-note", {}, error.message));
        return;
      }
      this.model = new cal.Model(this.opened.areas, this.words);
      this.took(this.opened.checked);
      this.restore();
      this.redrawAll();
    }
    reload() {
      this.saving.close();
      this.forget();
      [this.selected, this.corner] = [null, null];
      this.load();
    }
    // A draft outlives a reload of the page, as after a change of language, while the file is the same.
    get draftKey() {
      return `hallwatch.calibration ${this.told.areas}`;
    }
    restore() {
      try {
        const draft = JSON.parse(sessionStorage.getItem(this.draftKey) || "null");
        if (!draft || draft.base !== this.opened.sha256) return;
        if (this.model.change((now) => Object.assign(now, draft.areas))) this.edited();
      } catch (error) {
        console.warn("the draft is not restored:", error);
      }
    }
    remember() {
      try {
        sessionStorage.setItem(this.draftKey, JSON.stringify({ base: this.opened.sha256, areas: this.model.now }));
      } catch (error) {
        console.warn("the draft is not kept:", error);
      }
    }
    forget() {
      try {
        sessionStorage.removeItem(this.draftKey);
      } catch (error) {
        console.warn("the draft is still kept:", error);
      }
    }

    // After each change.
    edited({ panel = true } = {}) {
      if (panel) this.panel.draw();
      this.remember();
      this.canvas.draw();
      this.drawState();
      clearTimeout(this.timer);
      this.checking = true;
      this.timer = setTimeout(() => this.check(), CHECK_AFTER_MS);
      this.drawState();
    }
    async check() {
      clearTimeout(this.timer);
      this.checking = true;
      this.drawState();
      const turn = (this.turn = (this.turn || 0) + 1);
      const found = await this.saving.send("POST", `${this.told.areas}/check`);
      if (turn !== this.turn) return null;
      this.checking = false;
      if (found) this.took(found);
      this.drawState();
      return found;
    }
    took(checked) {
      [this.faults, this.fit] = [checked.faults, checked.fit];
      this.panel.tell();
      this.canvas.draw();
      this.drawState();
    }
    wasSaved(opened) {
      this.opened = opened;
      this.model.began(this.model.now);
      this.forget();
      this.took(opened.checked);
      this.panel.draw();
      this.drawState();
    }

    redrawAll() {
      this.panel.draw();
      this.canvas.draw();
      this.drawStage();
      this.drawState();
    }
    drawState() {
      if (!this.model) return;
      const n = this.faults.length;
      const faults = n ? fill(this.words.faults, { n }) : this.words.no_faults;
      const words = [this.checking ? this.words.checking : faults, this.model.changed ? this.words.changed : this.words.unchanged].join(" · ");
      if (this.state.textContent !== words) this.state.textContent = words;
      this.state.toggleAttribute("data-faulty", n > 0);
      this.state.toggleAttribute("data-busy", Boolean(this.checking));
      this.save.disabled = !this.model.changed;
      this.tools.querySelector('[data-tool="undo"]').disabled = !this.model.past.length;
      this.tools.querySelector('[data-tool="redo"]').disabled = !this.model.future.length;
      this.drawBelow();
    }
    drawStage() {
      const [w, hh] = this.picture.size;
      const { state } = this.picture;
      this.sheet.style.aspectRatio = `${w} / ${hh}`;
      this.sheet.style.width = `${ZOOMS[this.zoom] * 100}%`;
      this.sheet.toggleAttribute("data-empty", state === "none" || state === "asked");
      this.about.textContent = this.aboutPicture();
      const show = (name, on) => (this.tools.querySelector(`[data-tool="${name}"]`).hidden = !on);
      show("back_live", state === "own");
      show("freeze", state === "live" && this.told.rendered);
      show("refresh", state !== "own" && !this.told.rendered);
      this.tools.querySelector('[data-tool="refresh"]').disabled = Boolean(this.picture.asking);
      this.tools.querySelector('[data-tool="zoom_out"]').disabled = this.zoom === 0;
      this.tools.querySelector('[data-tool="zoom_in"]').disabled = this.zoom === ZOOMS.length - 1;
      this.canvas.draw();
    }
    aboutPicture() {
      const { state, asking, at, why } = this.picture;
      if (state === "own") return this.words.own_picture;
      if (state === "asked" || (asking && !this.told.rendered)) return this.words.asking;
      const reason = why ? fill(this.words.why_not, { why }) : "";
      if (state === "none") return [reason, this.words.no_picture].join(" ").trim();
      // By the clocks of the hall, as everything here.
      const zone = document.querySelector("hall-clock").getAttribute("zone");
      const time = at && new Date(at).toLocaleTimeString(document.documentElement.lang, { timeZone: zone, hourCycle: "h23" });
      return [reason, at ? fill(this.words.taken_at, { time }) : ""].join(" ").trim();
    }
    // Under the picture: how to draw, or what is selected with buttons that move it.
    drawBelow() {
      const drawing = this.canvas.drawing;
      const shape = this.selected && this.model.shape(this.selected);
      const key = drawing ? `draw ${drawing.kind}` : `${this.selected} ${this.corner} ${shape && shape.words}`;
      if (this.belowKey === key) return;
      this.belowKey = key;
      const button = (name, words, act, icon) => h("button.cal-small", { type: "button", "data-testid": name, onclick: act, "aria-label": words, title: words }, icon ? cal.icon(icon) : words);
      if (drawing) {
        const ready = button("ready", this.words.drawing_box, () => this.canvas.ready());
        ready.textContent = { polygon: this.words.drawing_box, line: this.words.drawing_middle_line, point: this.words.drawing_middle_point }[drawing.kind];
        const finish = drawing.kind === "polygon" ? button("finish", this.words.finish, () => this.canvas.finish()) : null;
        this.below.replaceChildren(h("span", { role: "status" }, this.words[`drawing_${drawing.kind}`]), ready, ...(finish ? [finish] : []), button("cancel", this.words.cancel, () => this.canvas.cancel()));
        return;
      }
      if (!shape) {
        this.below.replaceChildren(h("span.quiet", {}, this.words.hint));
        return;
      }
      const words = this.corner === null ? shape.words : fill(shape.tone === "entrance" ? this.words.end : this.words.corner, { name: shape.words, n: this.corner + 1 });
      const arrows = [["left", -1, 0, "west"], ["up", 0, -1, "north"], ["down", 0, 1, "south"], ["right", 1, 0, "east"]];
      const pad = arrows.map(([name, dx, dy, icon]) => button(`move-${name}`, this.words[`move_${name}`], () => this.canvas.nudge(dx, dy, 1), icon));
      const corner = this.corner !== null && shape.tone !== "entrance" ? [button("remove-corner", this.words.remove_corner, () => this.canvas.removeCorner())] : [];
      this.below.replaceChildren(h("strong", {}, words), h("span.cal-pad", { role: "group", "aria-label": this.words.move }, ...pad), ...corner);
    }

    select(key, corner = null, { quiet = false } = {}) {
      const shape = key && this.model.shape(key);
      [this.selected, this.corner] = [shape ? key : null, shape ? corner : null];
      if (shape && !quiet) this.panel.show(shape.item);
      this.panel.mark();
      this.drawState();
      if (quiet) this.canvas.drawNow();
      else {
        this.canvas.drawNow();
        if (shape) this.canvas.focus(key);
      }
    }
    drawn() {
      this.drawState();
      this.canvas.draw();
    }
    add(kind) {
      if (kind === "point") {
        this.draw("point", (points) => {
          const i = this.model.now.floor_points.length;
          this.model.change(() => this.model.put(`point/${i}`, points));
          this.select(`point/${i}`, null, { quiet: true });
          this.edited();
          const input = this.panel.root.querySelector(`[data-key="point/${i}/0"]`);
          input.focus();
          input.select();
        });
        return;
      }
      let name;
      if (kind === "entrance") {
        this.draw("line", (points) => {
          this.model.change(() => {
            name = this.model.add(kind);
            this.model.put(`${name}/line`, points);
          });
          this.made(name, "line");
        });
        return;
      }
      const part = kind === "window" ? "clerk" : "polygon";
      this.draw("polygon", (points) => {
        this.model.change(() => {
          name = this.model.add(kind);
          this.model.put(`${name}/${part}`, points);
        });
        this.made(name, part);
      });
    }
    made(name, part) {
      this.panel.open.add(name);
      this.select(`${name}/${part}`, null, { quiet: true });
      this.edited();
      this.panel.show(name);
      const input = this.panel.root.querySelector(`[data-key="${CSS.escape(name)}/label"]`);
      input.focus();
      input.select();
    }
    redraw(key, tone) {
      this.draw(tone === "entrance" ? "line" : "polygon", (points) => {
        this.model.change(() => this.model.put(key, points));
        this.edited();
        this.select(key);
      });
    }
    draw(kind, done) {
      this.select(null);
      this.canvas.begin(kind, done);
      this.drawState();
      if (matchMedia("(max-width: 1000px)").matches) this.stage.scrollIntoView({ block: "nearest" });
    }
    removeArea(key) {
      this.model.change(() => this.model.remove(key));
      this.select(null);
      this.edited();
      window.hallwatch.say(this.words.removed);
    }
    removeItem(name) {
      const words = fill(this.words.remove_window_sure, { name: this.model.nameOf(name) });
      if (name.startsWith("window/") && !this.model.isNew("window", name.slice(7)) && !window.confirm(words)) return;
      this.model.change(() => this.model.removeItem(name));
      this.select(null);
      this.edited();
      window.hallwatch.say(this.words.removed);
    }
    rename(kind, id, fresh) {
      const list = this.model.now[{ window: "windows", zone: "zones", entrance: "entrances" }[kind]];
      if (!fresh || fresh === id || list.some((item) => item.id === fresh)) {
        this.panel.draw();
        if (fresh !== id) window.hallwatch.say(this.words.id_taken, "failed");
        return;
      }
      this.model.change((now) => {
        list.find((item) => item.id === id).id = fresh;
        if (kind === "window") for (const zone of now.zones) zone.serves = zone.serves.map((each) => (each === id ? fresh : each));
      });
      this.panel.open.add(`${kind}/${fresh}`);
      this.select(null);
      this.edited();
    }
    flip(name) {
      this.model.change(() => this.model.item(name).line.reverse());
      this.edited({ panel: false });
    }
    undo() {
      if (this.model.undo()) this.stepped();
    }
    redo() {
      if (this.model.redo()) this.stepped();
    }
    stepped() {
      const shape = this.selected && this.model.shape(this.selected);
      if (!shape) this.selected = null;
      if (!shape || this.corner >= shape.points.length) this.corner = null;
      this.edited();
      this.panel.mark();
    }
    toggleGrid() {
      this.gridShown = !this.gridShown;
      this.tools.querySelector('[data-tool="grid"]').setAttribute("aria-pressed", String(this.gridShown));
      this.canvas.draw();
    }
    setZoom(by) {
      this.zoom = Math.min(ZOOMS.length - 1, Math.max(0, this.zoom + by));
      this.drawStage();
    }
    freeze() {
      this.picture.toggle();
      this.tools.querySelector('[data-tool="freeze"]').setAttribute("aria-pressed", String(!this.picture.live));
    }
    key(event) {
      if (!this.model || this.saving.dialog.open || event.isComposing) return;
      const control = event.ctrlKey || event.metaKey;
      if (control && event.key.toLowerCase() === "z") {
        event.preventDefault();
        if (event.shiftKey) this.redo();
        else this.undo();
      } else if (control && event.key.toLowerCase() === "y") {
        event.preventDefault();
        this.redo();
      } else if (this.canvas.drawing && event.key === "Escape") {
        event.preventDefault();
        this.canvas.cancel();
      } else if (this.canvas.drawing && event.key === "Enter" && event.target.tagName !== "BUTTON") {
        event.preventDefault();
        this.canvas.finish();
      }
    }
  }
  customElements.define("hall-calibration", HallCalibration);
})();
