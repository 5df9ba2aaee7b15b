// The picture below the areas: of the camera, blurred; or one from this computer, which never leaves the browser.
(() => {
  const cal = window.hallwatch.calibration;
  const RENDERED_EVERY_MS = 1000;

  const why = async (answer) => {
    try {
      return (await answer.json()).detail || `HTTP ${answer.status}`;
    } catch (error) {
      return `HTTP ${answer.status}`;
    }
  };

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
      // A box blurs a picture for whoever asks, and the audit log says who did: only when somebody wants one.
      if (this.stopped || !this.live || !this.told.rendered || this.state === "own") return;
      this.timer = setTimeout(() => this.fetch(), RENDERED_EVERY_MS);
    }
    async fetch() {
      clearTimeout(this.timer);
      if (this.state === "own" || this.asking) return;
      if (document.hidden) return this.later();
      this.asking = true;
      if (!this.told.rendered) this.onChange();
      try {
        const answer = await fetch(`${this.told.frame}?${Date.now()}`, { cache: "no-store" });
        const kind = answer.headers.get("Content-Type") || "";
        if (!answer.ok || !kind.startsWith("image/")) throw new Error(await why(answer));
        const at = answer.headers.get("X-Captured-At");
        const blob = await answer.blob();
        if (this.state !== "own") await this.show(blob, "live", at);
        this.why = "";
      } catch (error) {
        this.why = error.message;
        if (this.state === "asked") this.state = "none";
      } finally {
        this.asking = false;
      }
      if (!this.told.rendered || this.state === "none") this.onChange();
      this.later();
    }
    async show(blob, state, at = null) {
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
      [this.url, this.state, this.at] = [url, state, at];
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
      this.onChange();
      this.fetch();
    }
    toggle() {
      this.live = !this.live;
      if (this.live) this.fetch();
      else clearTimeout(this.timer);
    }
  };
})();
