// What is drawn, as the server wants it, with undo. Points are shares of the picture, floor points metres too.
(() => {
  const cal = (window.hallwatch.calibration = {});
  const SAME_MS = 900;
  const round = (value) => Math.round(value * 1e4) / 1e4;
  const clamp = (value) => round(Math.min(1, Math.max(0, value)));
  const PARTS = { window: ["clerk", "customer"], zone: ["polygon"], entrance: ["line"] };
  const LISTS = { window: "windows", zone: "zones", entrance: "entrances" };

  cal.clamp = clamp;
  cal.Model = class {
    constructor(areas, words) {
      this.words = words;
      this.now = areas;
      this.past = [];
      this.future = [];
      this.began(areas);
    }
    // What the file says now: from here on there are no changes.
    began(areas) {
      this.base = JSON.stringify(areas);
      this.old = Object.fromEntries(Object.entries(LISTS).map(([kind, list]) => [kind, areas[list].map((i) => i.id)]));
    }
    get changed() {
      return JSON.stringify(this.now) !== this.base;
    }
    isNew(kind, id) {
      return !this.old[kind].includes(id);
    }
    // `same` names what is done again and again, as typing: it is undone at once.
    change(act, same = "") {
      const before = JSON.stringify(this.now);
      act(this.now);
      if (JSON.stringify(this.now) === before) return false;
      const at = performance.now();
      const goesOn = same && this.same === same && at - this.at < SAME_MS && !this.future.length;
      if (!goesOn) this.past.push(before);
      [this.same, this.at, this.future] = [same, at, []];
      return true;
    }
    // A drag is one step, however often it moves.
    hold() {
      this.held = JSON.stringify(this.now);
    }
    release() {
      if (this.held && this.held !== JSON.stringify(this.now)) {
        this.past.push(this.held);
        [this.future, this.same] = [[], ""];
      }
      this.held = null;
    }
    undo() {
      return this.step(this.past, this.future);
    }
    redo() {
      return this.step(this.future, this.past);
    }
    step(from, to) {
      if (!from.length) return false;
      to.push(JSON.stringify(this.now));
      this.now = JSON.parse(from.pop());
      this.same = "";
      return true;
    }

    item(name) {
      const [kind, id] = split(name);
      return this.now[LISTS[kind]].find((item) => item.id === id);
    }
    nameOf(name) {
      const item = this.item(name);
      return item ? item.label || item.id : name;
    }
    // Every shape: `key` is the item and its part, such as window/w01/clerk; a floor point is point/3.
    shapes() {
      const found = [];
      for (const [kind, list] of Object.entries(LISTS)) {
        for (const item of this.now[list]) {
          for (const part of PARTS[kind]) {
            if (!item[part]) continue;
            const words = kind === "window" ? `${item.label || item.id} ${this.words[part]}` : item.label || item.id;
            const owner = `${kind}/${item.id}`;
            const tone = kind === "window" ? part : kind;
            found.push({ key: `${owner}/${part}`, item: owner, part, tone, words, points: item[part] });
          }
        }
      }
      this.now.floor_points.forEach(([at], i) => {
        const words = this.words.point.replace("{n}", i + 1);
        found.push({ key: `point/${i}`, item: "camera", part: "floor_points", tone: "point", words, points: [at] });
      });
      return found;
    }
    shape(key) {
      return this.shapes().find((shape) => shape.key === key);
    }
    moveCorner(key, corner, x, y) {
      this.shape(key).points.splice(corner, 1, [clamp(x), clamp(y)]);
    }
    moveWhole(key, dx, dy, from) {
      const shape = this.shape(key);
      const start = from || shape.points.map((point) => [...point]);
      const within = (delta, axis) => {
        const values = start.map((point) => point[axis]);
        return Math.min(1 - Math.max(...values), Math.max(-Math.min(...values), delta));
      };
      const [sx, sy] = [within(dx, 0), within(dy, 1)];
      start.forEach(([x, y], i) => shape.points.splice(i, 1, [clamp(x + sx), clamp(y + sy)]));
    }
    insertCorner(key, edge, x, y) {
      this.shape(key).points.splice(edge + 1, 0, [clamp(x), clamp(y)]);
    }
    put(key, points) {
      const parts = key.split("/");
      if (parts[0] === "point") {
        const places = this.now.floor_points;
        if (Number(parts[1]) >= places.length) places.push([points[0], [0, 0]]);
        else places[Number(parts[1])][0] = points[0];
      } else {
        this.item(parts.slice(0, 2).join("/"))[parts[2]] = points;
      }
    }
    remove(key) {
      const parts = key.split("/");
      if (parts[0] === "point") this.now.floor_points.splice(Number(parts[1]), 1);
      else if (parts[0] === "entrance") this.removeItem(key);
      else this.item(parts.slice(0, 2).join("/"))[parts[2]] = null;
    }
    removeItem(name) {
      const [kind, id] = split(name);
      this.now[LISTS[kind]] = this.now[LISTS[kind]].filter((item) => item.id !== id);
      if (kind === "window") {
        for (const zone of this.now.zones) zone.serves = zone.serves.filter((each) => each !== id);
      }
    }
    // An item without an area yet; gives its name.
    add(kind) {
      const [letter, word] = { window: ["w", "windows"], zone: ["z", "zones"], entrance: ["e", "entrances"] }[kind];
      const used = new Set([...this.now[LISTS[kind]].map((item) => item.id), ...this.old[kind]]);
      let n = this.now[LISTS[kind]].length + 1;
      const made = () => `${letter}${String(n).padStart(2, "0")}`;
      while (used.has(made())) n += 1;
      const id = made();
      const fresh = {
        window: { id, label: this.words.new_window.replace("{n}", n), service: "", staffed: true, clerk: null, customer: null },
        zone: { id, label: this.words.new_zone, kind: "waiting", serves: [], polygon: null },
        entrance: { id, label: this.words.new_entrance, line: [] },
      }[kind];
      this.now[word].push(fresh);
      return `${kind}/${id}`;
    }
  };

  const split = (name) => {
    const [kind, ...rest] = name.split("/");
    return [kind, rest[0]];
  };
})();
