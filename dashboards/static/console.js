// Clock and running durations, counted in the browser by the server's time, so that nothing is sent for them.
(() => {
  // performance.now() never steps, whatever somebody does to the clock of this machine.
  let offsetS = 0;
  const nowS = () => performance.now() / 1000 + offsetS;
  const pad = (n) => String(n).padStart(2, "0");

  // The same words as format_duration in texts.py.
  const formatDuration = (seconds, zh) => {
    const s = Math.max(0, Math.floor(seconds));
    const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600), Math.floor(s / 60)];
    if (s < 60) return zh ? `${s}秒` : `${s} s`;
    if (s < 3600) return zh ? `${m}分${pad(s % 60)}秒` : `${m} min ${pad(s % 60)} s`;
    if (s < 86400) return zh ? `${h}小时${pad(m % 60)}分` : `${h} h ${pad(m % 60)} min`;
    return zh ? `${d}天${h % 24}小时` : `${d} d ${h % 24} h`;
  };
  const isChinese = () => document.documentElement.lang.startsWith("zh");

  // A part of the page that writes its own text once a second and whenever its attributes change.
  class Ticking extends HTMLElement {
    connectedCallback() {
      this.tick();
      this.timer = setInterval(() => this.tick(), 1000);
    }
    disconnectedCallback() {
      clearInterval(this.timer);
    }
    attributeChangedCallback() {
      if (this.isConnected) this.tick();
    }
    tick() {
      const text = this.say();
      if (this.textContent !== text) this.textContent = text;
    }
  }

  class HallElapsed extends Ticking {
    static observedAttributes = ["since", "until"];
    say() {
      if (!this.getAttribute("since")) return "";
      const until = this.getAttribute("until");
      const end = until ? Number(until) : nowS();
      return formatDuration(end - Number(this.getAttribute("since")), isChinese());
    }
  }

  class HallClock extends Ticking {
    static observedAttributes = ["now"];
    attributeChangedCallback() {
      offsetS = Number(this.getAttribute("now")) - performance.now() / 1000;
      super.attributeChangedCallback();
    }
    say() {
      const date = window.innerWidth < 700 ? {} : { month: "short", day: "numeric", weekday: "short" };
      const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
      const options = { ...date, ...time, timeZone: this.getAttribute("zone") };
      return new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(nowS() * 1000));
    }
  }

  // A picture that is fetched again and again, while somebody looks.
  class HallView extends HTMLElement {
    connectedCallback() {
      if (!this.picture) {
        this.picture = document.createElement("img");
        this.picture.alt = this.getAttribute("alt") || "";
        this.picture.onload = () => this.later(1);
        this.picture.onerror = () => this.later(6);
        this.append(this.picture);
      }
      this.fetch();
    }
    disconnectedCallback() {
      clearTimeout(this.timer);
    }
    later(times) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.fetch(), 1000 * times * Number(this.getAttribute("every")));
    }
    fetch() {
      if (!this.isConnected) return;
      if (document.hidden) {
        this.later(1);
      } else {
        this.picture.src = `${this.getAttribute("src")}?${Date.now()}`;
      }
    }
  }

  customElements.define("hall-elapsed", HallElapsed);
  customElements.define("hall-clock", HallClock);
  customElements.define("hall-view", HallView);

  // What came of an act, told beside the header: `kind` is "done" or "failed".
  let saidTimer;
  const say = (words, kind = "done") => {
    const said = document.getElementById("said");
    clearTimeout(saidTimer);
    said.dataset.kind = kind;
    said.textContent = words;
    if (kind === "done") saidTimer = setTimeout(() => (said.textContent = ""), 6000);
  };

  // Asks the HTTP API. Gives what it answers, or says why not in the words of the server and throws.
  const ask = async (method, path, body) => {
    const zh = isChinese();
    let answer;
    try {
      const headers = body === undefined ? {} : { "Content-Type": "application/json" };
      answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      say(zh ? "无法连接到服务器，未执行" : "The server cannot be reached; nothing was done", "failed");
      throw error;
    }
    if (answer.status === 401) location.assign("/login");
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    const found = isJson ? await answer.json() : null;
    if (!answer.ok) {
      const detail = found && found.detail ? found.detail : `HTTP ${answer.status}`;
      const words = typeof detail === "string" ? detail : JSON.stringify(detail);
      say((zh ? "未执行：" : "Not done: ") + words, "failed");
      throw new Error(words);
    }
    return found;
  };
  window.hallwatch = { formatDuration, nowS, say, ask, isChinese, nowS };

  // A language once chosen is kept for visits that name none. A browser may forbid storage: then it is not kept.
  try {
    const url = new URL(location.href);
    const asked = url.searchParams.get("lang");
    const kept = localStorage.getItem("hallwatch.lang");
    if (asked) {
      localStorage.setItem("hallwatch.lang", asked);
    } else if (kept && !document.documentElement.lang.startsWith(kept)) {
      url.searchParams.set("lang", kept);
      location.replace(url);
    }
  } catch (error) {
    console.warn("the language is not kept:", error);
  }
})();
