// The picture below the areas: of the camera, blurred; or one from this computer, which never leaves the browser.
(() => {
  const cal = window.hallwatch.calibration;
  const EVERY_MS = { rendered: 1000, box: 10000 };

  cal.Picture = class {
    constructor(told, onChange) {
      [this.told, this.onChange] = [told, onChange];
      this.image = document.createElement("img");
      this.image.className = "cal-image";
      this.image.alt = "";
      this.state = "asked";
      this.live = true;
    }
    get size() {
      const [w, h] = [this.image.naturalWidth, this.image.naturalHeight];
      return w && h ? [w, h] : [1280, 720];
    }
    start() {
      this.stopped = false;
      this.fetch();
    }
    stop() {
      this.stopped = true;
      clearTimeout(this.timer);
    }
    later() {
      clearTimeout(this.timer);
      if (this.stopped || !this.live || this.state === "own") return;
      this.timer = setTimeout(() => this.fetch(), this.told.rendered ? EVERY_MS.rendered : EVERY_MS.box);
    }
    async fetch() {
      clearTimeout(this.timer);
      if (this.state === "own" || this.asking) return;
      if (document.hidden) return this.later();
      this.asking = true;
      try {
        const answer = await fetch(`${this.told.frame}?${Date.now()}`);
        const kind = answer.headers.get("Content-Type") || "";
        if (!answer.ok || !kind.startsWith("image/")) throw new Error(`HTTP ${answer.status}`);
        const blob = await answer.blob();
        if (this.state !== "own") await this.show(blob, "live");
      } catch (error) {
        if (this.state === "asked") this.state = "none";
        if (this.state === "none") this.onChange();
      } finally {
        this.asking = false;
      }
      this.later();
    }
    async show(blob, state) {
      const url = URL.createObjectURL(blob);
      const fresh = new Image();
      fresh.src = url;
      try {
        await fresh.decode();
      } catch (error) {
        URL.revokeObjectURL(url);
        throw error;
      }
      const before = this.size.join();
      this.image.src = url;
      await this.image.decode();
      if (this.url) URL.revokeObjectURL(this.url);
      const changed = this.state !== state || before !== this.size.join();
      [this.url, this.state, this.at] = [url, state, new Date()];
      if (changed) this.onChange();
    }
    async own(file) {
      clearTimeout(this.timer);
      const before = this.state;
      this.state = "own";
      try {
        await this.show(file, "own");
        this.onChange();
      } catch (error) {
        this.state = before;
        this.later();
      }
    }
    back() {
      this.state = "asked";
      this.fetch();
    }
    toggle() {
      this.live = !this.live;
      if (this.live) this.fetch();
      else clearTimeout(this.timer);
    }
  };
})();
