// The list beside the picture: every item with its name and areas, and what the check says of it.
(() => {
  const cal = window.hallwatch.calibration;
  const { fill } = cal;

  // An element: `h("button.cal-small", {onclick}, "text", child)`.
  const h = (kind, attributes = {}, ...children) => {
    const [tag, ...classes] = kind.split(".");
    const element = document.createElement(tag);
    element.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };
  cal.h = h;
  // Icons are a font that NiceGUI serves; beside each stands a word, or the button has a label.
  cal.icon = (name) => h("i.material-icons.cal-icon", { "aria-hidden": "true" }, name);

  cal.Panel = class {
    constructor(editor) {
      this.editor = editor;
      this.open = new Set();
      this.root = h("div.cal-panel", { role: "region", "aria-label": editor.words.list });
    }
    get words() {
      return this.editor.words;
    }
    draw() {
      const { model } = this.editor;
      const focus = this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const range = focus && document.activeElement.type === "text" ? document.activeElement.selectionStart : null;
      const at = this.root.scrollTop;
      this.root.replaceChildren(
        this.section("window", model.now.windows, (window) => this.window(window)),
        this.section("zone", model.now.zones, (zone) => this.zone(zone)),
        this.section("entrance", model.now.entrances, (entrance) => this.entrance(entrance)),
        this.points(model.now.floor_points),
        h("section.cal-section.cal-file", { hidden: true }, h("h2.cal-head", {}, this.words.file_faults), h("ul.cal-faults", { "data-of": "" })),
      );
      this.root.scrollTop = at;
      const again = focus && this.root.querySelector(`[data-key="${CSS.escape(focus)}"]`);
      if (again) {
        again.focus({ preventScroll: true });
        if (range !== null && again.setSelectionRange) again.setSelectionRange(range, range);
      }
      this.mark();
      this.tell();
    }
    // Which one is selected.
    mark() {
      const shape = this.editor.selected && this.editor.model.shape(this.editor.selected);
      for (const card of this.root.querySelectorAll("[data-item]")) card.toggleAttribute("data-chosen", Boolean(shape) && card.dataset.item === shape.item);
      for (const row of this.root.querySelectorAll("[data-shape]")) row.toggleAttribute("data-chosen", row.dataset.shape === this.editor.selected);
    }
    show(item) {
      const card = this.root.querySelector(`[data-item="${CSS.escape(item)}"]`);
      if (!card) return;
      if (card.tagName === "DETAILS") card.open = true;
      this.open.add(item);
      if (matchMedia("(min-width: 1001px)").matches) card.scrollIntoView({ block: "nearest" });
    }

    section(kind, items, build) {
      const words = { window: "windows", zone: "zones", entrance: "entrances" }[kind];
      const add = h("button.cal-small", { type: "button", "data-key": `add/${kind}`, "data-testid": `add-${kind}`, "aria-label": this.words[`add_${kind}`], onclick: () => this.editor.add(kind) }, cal.icon("add"), this.words[`add_${kind}`]);
      const body = items.length ? items.map(build) : [h("p.quiet.cal-none", {}, this.words[`none_${words}`])];
      return h("section.cal-section", {}, h("div.cal-head-row", {}, h("h2.cal-head", {}, `${this.words[words]} ${items.length || ""}`), add), ...body);
    }
    card(kind, item, tones, fields) {
      const name = `${kind}/${item.id}`;
      const here = tones.filter(([part]) => item[part] && item[part].length);
      const dots = here.map(([, tone]) => h("span.cal-swatch", { "data-tone": tone }));
      const badge = h("span.cal-badge", { "data-badge": name, hidden: true });
      const id = item.label ? h("span.quiet", {}, item.id) : null;
      const title = h("span.cal-name", { "data-name": name }, item.label || item.id);
      const summary = h("summary.cal-summary", { "data-key": `${name}/summary` }, h("span.cal-dots", {}, ...dots), title, id, here.length ? null : h("span.quiet", {}, this.words.not_here), badge);
      const remove = h("button.cal-small.cal-remove", { type: "button", "data-key": `${name}/remove`, onclick: () => this.editor.removeItem(name) }, cal.icon("delete"), this.words.remove);
      const body = h("div.cal-body", {}, ...fields, h("ul.cal-faults", { "data-of": name }), remove);
      const details = h("details.cal-card.card", { "data-item": name, "data-testid": `item-${kind}-${item.id}`, open: this.open.has(name), ontoggle: (event) => this.open[event.target.open ? "add" : "delete"](name) }, summary, body);
      return details;
    }
    window(item) {
      const name = `window/${item.id}`;
      const fields = [this.text(name, item, "label", "label"), this.text(name, item, "service", "service"), this.tick(name, item, "staffed")];
      const areas = [["clerk", "clerk"], ["customer", "customer"]];
      return this.card("window", item, areas, [...this.identity("window", item), ...fields, ...areas.map(([part, tone]) => this.area(name, item, part, tone))]);
    }
    zone(item) {
      const name = `zone/${item.id}`;
      const kinds = ["waiting", "general"].map((kind) => h("option", { value: kind, selected: item.kind === kind }, this.words[`kind_${kind}`]));
      const kind = h("select", { "data-key": `${name}/kind`, onchange: (event) => this.put(name, "kind", event.target.value, true) }, ...kinds);
      const fields = [this.text(name, item, "label", "label"), h("label.cal-field", {}, h("span", {}, this.words.kind), kind)];
      if (item.kind === "waiting") fields.push(this.serves(name, item));
      return this.card("zone", item, [["polygon", "zone"]], [...this.identity("zone", item), ...fields, this.area(name, item, "polygon", "zone")]);
    }
    serves(name, item) {
      const boxes = this.editor.model.now.windows.map((window) => {
        const change = (event) => {
          const rest = item.serves.filter((id) => id !== window.id);
          this.put(name, "serves", event.target.checked ? [...rest, window.id] : rest);
        };
        return h("label.cal-chip", {}, h("input", { type: "checkbox", checked: item.serves.includes(window.id), "data-key": `${name}/serves/${window.id}`, onchange: change }), window.label || window.id);
      });
      return h("fieldset.cal-serves", {}, h("legend", {}, this.words.serves), ...boxes);
    }
    entrance(item) {
      const name = `entrance/${item.id}`;
      const flip = h("button.cal-small", { type: "button", "data-key": `${name}/flip`, onclick: () => this.editor.flip(name) }, cal.icon("swap_horiz"), this.words.flip);
      return this.card("entrance", item, [["line", "entrance"]], [...this.identity("entrance", item), this.text(name, item, "label", "label"), this.area(name, item, "line", "entrance"), flip]);
    }
    identity(kind, item) {
      if (!this.editor.model.isNew(kind, item.id)) return [];
      const rename = (event) => this.editor.rename(kind, item.id, event.target.value.trim());
      const input = h("input", { type: "text", value: item.id, maxlength: 64, spellcheck: "false", "data-key": `${kind}/${item.id}/id`, "data-testid": `id-${kind}-${item.id}`, onchange: rename });
      return [h("label.cal-field", {}, h("span", {}, this.words.id), input)];
    }
    text(name, item, key, words) {
      const change = (event) => {
        this.put(name, key, event.target.value);
        const title = key === "label" && this.root.querySelector(`[data-name="${CSS.escape(name)}"]`);
        if (title) title.textContent = event.target.value || item.id;
      };
      const input = h("input", { type: "text", value: item[key], maxlength: 100, "data-key": `${name}/${key}`, "data-testid": `${key}-${name.replace("/", "-")}`, oninput: change });
      return h("label.cal-field", {}, h("span", {}, this.words[words]), input);
    }
    tick(name, item, key) {
      const input = h("input", { type: "checkbox", checked: item[key], "data-key": `${name}/${key}`, onchange: (event) => this.put(name, key, event.target.checked) });
      return h("label.cal-tick", {}, input, this.words[key]);
    }
    put(name, key, value, panel = false) {
      const { model } = this.editor;
      model.change(() => (model.item(name)[key] = value), `type ${name} ${key}`);
      this.editor.edited({ panel });
    }
    area(name, item, part, tone) {
      const key = `${name}/${part}`;
      const has = item[part] && item[part].length;
      const label = h("span.cal-part", {}, h("span.cal-swatch", { "data-tone": tone }), this.words[part]);
      const pick = has ? h("button.cal-part-button", { type: "button", "data-key": `${key}/pick`, onclick: () => this.editor.select(key) }, label) : label;
      const draw = h("button.cal-small", { type: "button", "data-key": `${key}/draw`, "data-testid": `draw-${key.replaceAll("/", "-")}`, onclick: () => this.editor.redraw(key, tone) }, cal.icon("draw"), has ? this.words.redraw : this.words.draw);
      const words = fill(this.words.remove_area, { part: this.words[part] });
      const remove = has && part !== "line" ? h("button.cal-small.cal-only-icon", { type: "button", "aria-label": words, title: words, "data-key": `${key}/remove`, onclick: () => this.editor.removeArea(key) }, cal.icon("delete")) : null;
      return h("div.cal-area-row", { "data-shape": key }, pick, draw, remove);
    }
    points(points) {
      const add = h("button.cal-small", { type: "button", "data-key": "add/point", "data-testid": "add-point", onclick: () => this.editor.add("point") }, cal.icon("add"), this.words.add_point);
      const head = h("div.cal-head-row", {}, h("h2.cal-head", {}, `${this.words.floor_points} ${points.length || ""}`), add);
      const title = (words) => h("th", { scope: "col" }, words);
      const rows = points.map((_, i) => this.point(points, i));
      const table = h("table.cal-points", {}, h("thead", {}, h("tr", {}, title("#"), title(this.words.x_m), title(this.words.y_m), title(this.words.error_m), h("td"))), h("tbody", {}, ...rows));
      const body = points.length ? table : h("p.quiet.cal-none", {}, this.words.none_points);
      return h("section.cal-section", { "data-item": "camera" }, head, body, h("p.cal-mean.quiet", { "data-mean": true }), h("ul.cal-faults", { "data-of": "camera" }));
    }
    point(points, i) {
      const key = `point/${i}`;
      const number = (axis) => {
        const change = (event) => {
          const value = event.target.valueAsNumber;
          if (Number.isNaN(value)) return;
          this.editor.model.change((now) => (now.floor_points[i][1][axis] = value), `type ${key} ${axis}`);
          this.editor.edited({ panel: false });
        };
        const words = `${fill(this.words.point, { n: i + 1 })} ${axis ? this.words.y_m : this.words.x_m}`;
        return h("td", {}, h("input.cal-number", { type: "number", step: "0.01", value: points[i][1][axis], inputmode: "decimal", "aria-label": words, "data-key": `${key}/${axis}`, "data-testid": `point-${i}-${"xy"[axis]}`, oninput: change }));
      };
      const words = fill(this.words.remove_item, { name: fill(this.words.point, { n: i + 1 }) });
      const pick = h("button.cal-part-button", { type: "button", "aria-label": fill(this.words.point, { n: i + 1 }), "data-key": `${key}/pick`, onclick: () => this.editor.select(key) }, String(i + 1));
      const remove = h("button.cal-small.cal-only-icon", { type: "button", "aria-label": words, title: words, "data-key": `${key}/remove`, onclick: () => this.editor.removeArea(key) }, cal.icon("delete"));
      return h("tr", { "data-shape": key }, h("td", {}, pick), number(0), number(1), h("td.cal-error", { "data-error": i }), h("td", {}, remove));
    }

    // What the check says, beside what it says it of.
    tell() {
      const { faults } = this.editor;
      const points = this.editor.model.now.floor_points.length;
      // One of other points says nothing of these.
      const fit = this.editor.fit && this.editor.fit.errors_m.length === points ? this.editor.fit : null;
      const zh = window.hallwatch.isChinese();
      const line = (fault) => {
        const words = zh ? fault.words : fault.expected[0].toUpperCase() + fault.expected.slice(1);
        const part = fault.part ? fill(this.words.of_part, { part: this.words[fault.part] || fault.part }) : "";
        const where = [fault.here ? "" : this.words.elsewhere, fault.line ? fill(this.words.line_no, { n: fault.line }) : ""].filter(Boolean).join(" · ");
        const full = `${fault.path}: found ${fault.found}; expected ${fault.expected}`;
        return h("li.cal-fault", { title: full }, cal.icon("error"), h("span", {}, `${part}${words}`, where ? h("span.cal-where.quiet", {}, where) : ""));
      };
      for (const list of this.root.querySelectorAll(".cal-faults")) {
        const of = list.dataset.of;
        const known = (fault) => fault.item && (fault.item.startsWith("camera/") ? fault.item === `camera/${this.editor.told.camera}` : this.editor.model.item(fault.item));
        const mine = faults.filter((fault) => (of === "" ? !known(fault) : of === "camera" ? known(fault) && fault.item.startsWith("camera/") : fault.item === of));
        list.replaceChildren(...mine.map(line));
        const file = list.closest(".cal-file");
        if (file) file.hidden = !mine.length;
        const badge = this.root.querySelector(`[data-badge="${CSS.escape(of)}"]`);
        if (badge) {
          badge.hidden = !mine.length;
          badge.textContent = mine.length ? `! ${mine.length}` : "";
          badge.setAttribute("aria-label", fill(this.words.faults, { n: mine.length }));
        }
      }
      for (const cell of this.root.querySelectorAll("[data-error]")) {
        const error = fit && points > 4 ? fit.errors_m[Number(cell.dataset.error)] : null;
        cell.textContent = error === null || error === undefined ? "–" : fill(this.words.metres, { m: error.toFixed(2) });
        cell.toggleAttribute("data-far", error > 0.3);
      }
      const mean = this.root.querySelector("[data-mean]");
      if (mean) mean.textContent = !fit ? "" : points === 4 ? this.words.error_four : fill(this.words.error_mean, { m: fit.error_m.toFixed(2) });
    }
  };
})();
