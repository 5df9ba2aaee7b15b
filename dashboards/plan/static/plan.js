// The floor plan: takes over what the server says is now, and fetches how it was while somebody looks back.
(() => {
  const WAIT_MS = 150;
  const CLOSE_PX = 74;

  class HallPlan extends HTMLElement {
    static observedAttributes = ["now"];

    connectedCallback() {
      if (this.ready) return;
      this.ready = true;
      // Vue puts the parts in after this element: they are there a moment later.
      setTimeout(() => this.begin(), 0);
    }

    attributeChangedCallback() {
      if (this.svg && !this.past) this.show(JSON.parse(this.getAttribute("now")));
    }

    begin() {
      this.svg = this.querySelector("svg");
      if (!this.svg) return setTimeout(() => this.begin(), 50);
      this.words = JSON.parse(this.getAttribute("words"));
      this.sized = new ResizeObserver(() => this.measure());
      this.sized.observe(this.svg);
      this.measure();
      const heat = this.querySelector(".plan-heat-switch");
      heat.addEventListener("click", () => {
        const on = heat.getAttribute("aria-pressed") !== "true";
        heat.setAttribute("aria-pressed", String(on));
        this.dataset.heat = on ? "on" : "off";
      });
      this.querySelector(".plan-now").addEventListener("click", () => this.go(0));
      this.slider = this.querySelector(".plan-slider");
      if (this.slider) {
        this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
        this.querySelector(".plan-earlier").addEventListener("click", () => this.go(Number(this.slider.value) - 10));
        this.querySelector(".plan-later").addEventListener("click", () => this.go(Number(this.slider.value) + 10));
        this.tell();
      }
      this.attributeChangedCallback();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
    }

    measure() {
      const width = Number(this.svg.dataset.width);
      const scale = Math.min(this.svg.clientWidth / width, this.svg.clientHeight / Number(this.svg.dataset.depth));
      if (!(scale > 0)) return;
      this.style.setProperty("--px", String(1 / scale));
      this.svg.toggleAttribute("data-dense", Number(this.svg.dataset.spacing) * scale < CLOSE_PX);
    }

    // Minutes from now, none or negative. While somebody looks back, the moment stays, and what is live waits.
    go(minutes) {
      const back = Math.max(Number(this.slider.min), Math.min(0, minutes));
      if (!this.past) this.left = window.hallwatch.nowS();
      this.slider.value = String(back);
      this.past = back < 0 ? this.left + 60 * back : null;
      this.toggleAttribute("data-past", back < 0);
      clearTimeout(this.timer);
      if (back < 0) {
        this.timer = setTimeout(() => this.fetch(), WAIT_MS);
        this.tell(this.words.loading);
      } else {
        this.toggleAttribute("data-failed", false);
        this.attributeChangedCallback();
        this.tell();
      }
    }

    time(at) {
      const days = { month: "numeric", day: "numeric" };
      const options = { ...days, hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: this.getAttribute("zone") };
      return new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(at * 1000));
    }

    tell(words = this.words.past) {
      const banner = this.querySelector(".plan-past");
      banner.hidden = !this.past;
      const time = this.past ? this.time(this.past) : this.words.live;
      this.querySelector(".plan-past-words").textContent = this.past ? words.replace("{time}", time) : "";
      this.querySelector(".plan-time").textContent = time;
      this.slider.setAttribute("aria-valuetext", time);
    }

    // One question at a time; the newest one waits for its turn.
    async fetch() {
      const at = this.past;
      if (!at || this.asking) return;
      this.asking = true;
      let view = null;
      try {
        const path = `${this.getAttribute("src")}?at=${Math.round(at)}&lang=${this.getAttribute("lang")}`;
        const answer = await fetch(path);
        if (answer.status === 401) location.assign("/login");
        if (answer.ok) view = await answer.json();
      } catch (error) {
        console.warn("the plan of then could not be fetched:", error);
      }
      this.asking = false;
      if (this.past !== at) return this.past && this.fetch();
      this.toggleAttribute("data-failed", !view);
      if (view) this.show(view);
      this.tell(view ? this.words.past : this.words.failed);
    }

    show(view) {
      for (const [id, mark] of Object.entries(view.windows)) {
        const name = CSS.escape(id);
        for (const part of this.querySelectorAll(`[data-window="${name}"]`)) this.put(part, mark);
        for (const icon of this.querySelectorAll(`[data-icon="${name}"]`)) this.say(icon, mark.icon);
        for (const cell of this.querySelectorAll(`[data-window-word="${name}"]`)) this.say(cell, mark.word);
        for (const part of this.querySelectorAll(`.plan-mark[data-window="${name}"]`))
          this.say(part.firstElementChild, `${part.dataset.label}: ${mark.word}`);
      }
      for (const [id, mark] of Object.entries(view.zones)) {
        const name = CSS.escape(id);
        for (const part of this.querySelectorAll(`[data-zone="${name}"]`)) this.put(part, mark);
        for (const text of this.querySelectorAll(`[data-text="${name}"], [data-zone-word="${name}"]`))
          this.say(text, mark.text || "");
      }
      this.say(this.querySelector(".plan-heat-words"), view.heat_words);
      this.heat(view.heat);
    }

    put(part, mark) {
      for (const key of ["status", "severity"]) {
        if (mark[key]) part.dataset[key] = mark[key];
        else delete part.dataset[key];
      }
      part.toggleAttribute("data-stale", Boolean(mark.stale));
    }

    say(part, text) {
      if (part && part.textContent !== text) part.textContent = text;
    }

    heat(cells) {
      const key = JSON.stringify(cells);
      if (key === this.heatShown) return;
      this.heatShown = key;
      const [wide, deep] = [Number(this.svg.dataset.width), Number(this.svg.dataset.depth)];
      const svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
      const drawn = cells
        .filter(([x, y]) => x >= 0 && y >= 0 && x < wide && y < deep)
        .map(([x, y, step, word]) => {
          const rect = svg("rect");
          const top = Math.max(0, deep - y - 1);
          const sizes = { x, y: top, width: Math.min(1, wide - x), height: deep - y - top, class: `heat-${step}` };
          for (const [name, value] of Object.entries(sizes)) rect.setAttribute(name, String(value));
          rect.append(svg("title"));
          rect.firstChild.textContent = word;
          return rect;
        });
      this.svg.querySelector(".plan-heat").replaceChildren(...drawn);
    }
  }
  customElements.define("hall-plan", HallPlan);
})();
