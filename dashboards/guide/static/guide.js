// The guide display: asks for its floor, keeps what it knew while nobody answers, and says how old that is.
(() => {
  const EVERY_MS = 2000, TURN_MS = 9000, PATIENCE_MS = 6000;
  const OLD_S = 45, LOST_S = 300;
  const WORDS = {
    zh: {
      floor: (f) => `楼层 ${f}`, status: { free: "空闲", serving: "办理中", paused: "暂停", closed: "未开放", unknown: "无数据" },
      people: "人等候", wait: "预计等候", minutes: (n) => `约 ${n} 分钟`, none: "无需等候", dash: "—", extra: "增开", handling: (n) => `平均办理 ${n} 分钟`,
      go: "请到 ", sep: "、", seconds: (n) => `${n} 秒前`, ago: (n) => `${n} 分钟前`, hours: (n) => `${n} 小时前`,
      age: (t) => `数据更新于 ${t}`, lost: "，请以现场叫号为准", never: "正在连接，请以现场叫号为准", turn: (a, b) => `第 ${a} / ${b} 页`,
    },
    en: {
      floor: (f) => `Floor ${f}`, status: { free: "Free", serving: "Serving", paused: "Paused", closed: "Closed", unknown: "No data" },
      people: "waiting", wait: "Wait", minutes: (n) => `~${n} min`, none: "no wait", dash: "—", extra: "extra", handling: (n) => `${n} min each`,
      go: "Go to ", sep: ", ", seconds: (n) => `${n} s ago`, ago: (n) => `${n} min ago`, hours: (n) => `${n} h ago`,
      age: (t) => `Figures from ${t}`, lost: "; please follow the calls in the hall", never: "Connecting; please follow the calls in the hall", turn: (a, b) => `Page ${a} of ${b}`,
    },
  };
  const asked = new URLSearchParams(location.search);
  const lang = ["zh", "en", "both"].includes(asked.get("lang")) ? asked.get("lang") : "zh";
  const [first, second] = lang === "both" ? [WORDS.zh, WORDS.en] : [WORDS[lang], null];
  const $ = (id) => document.getElementById(id);
  const large = asked.get("print") === "large";
  document.documentElement.lang = lang === "en" ? "en" : "zh-CN";
  if (asked.get("contrast") === "high") document.body.dataset.contrast = "high";

  // Counted by the browser's own steady clock from what the server says: that of the screen may be wrong.
  let known = null, tag = null, offsetS = 0, page = 0, layout = "";
  const nowS = () => performance.now() / 1000 + offsetS;

  const make = (tagName, className, ...children) => {
    const element = document.createElement(tagName);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const small = (text) => (text ? make("small", "", text) : null);
  const both = (say) => (second ? `${say(first)} ${say(second)}` : say(first));
  const minutes = (seconds) => Math.max(1, Math.ceil(seconds / 60));
  const waitWords = (w, s) => (s === null ? w.dash : s < 30 ? w.none : w.minutes(minutes(s)));

  const icon = (status) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#${status}`);
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
  };
  const windowCard = (one) => {
    const words = make("span", "", first.status[one.status], small(second && second.status[one.status]));
    const card = make("li", "window", make("div", "name", one.label, small([one.extra && first.extra, one.service].filter(Boolean).join(" · "))),
      make("div", "status", icon(one.status), words));
    card.dataset.status = one.status;
    return card;
  };
  // 1号窗口、2号窗口 are said as 1、2号窗口.
  const named = (labels) => {
    const parts = labels.map((label) => /^(\d+)(号窗口)$/.exec(label));
    if (!labels.length || parts.includes(null)) return labels.join(first.sep);
    return parts.map((part) => part[1]).join(first.sep) + parts[0][2];
  };
  const zoneCard = (one) => {
    const people = make("div", "people", make("span", "number", one.waiting === null ? first.dash : String(one.waiting)),
      make("span", "word", both((w) => w.people)));
    const wait = make("p", "wait", make("span", "word", both((w) => w.wait)), make("b", "", waitWords(first, one.expected_s)));
    const handling = one.handling_s === null ? null : make("p", "more", both((w) => w.handling(minutes(one.handling_s))));
    const go = one.go.length ? make("p", "more", make("b", "", first.go), named(one.go)) : null;
    return make("article", "zone", make("div", "head", make("h2", "", one.label), people), wait, handling, go);
  };

  const fit = () => {
    const [width, height] = [innerWidth, innerHeight];
    const unit = (Math.min(width, height) / 1080) * (large ? 1.35 : 1);
    document.documentElement.style.setProperty("--u", `${unit}px`);
    document.body.toggleAttribute("data-portrait", height > width);
    return { unit, portrait: height > width };
  };
  // How many windows one page holds, and how large their letters may be.
  const grid = (unit, count) => {
    const box = $("windows").getBoundingClientRect();
    const [gap, wide] = [16 * unit, first === WORDS.en ? 650 : 596];
    const holds = (scale) => {
      const columns = Math.max(1, Math.floor((box.width + gap) / (wide * unit * scale + gap)));
      const rows = Math.max(1, Math.floor((box.height + gap) / (146 * unit * scale + gap)));
      return { scale, columns, room: columns * rows, heightPx: box.height };
    };
    for (let scale = 1.6; scale > 1; scale -= 0.05) if (holds(scale).room >= count) return holds(scale);
    return holds(1);
  };
  const show = () => {
    const { unit, portrait } = fit();
    if (!known) return;
    $("hall").textContent = known.hall;
    $("floor").textContent = first.floor(known.floor);
    const atOnce = portrait || large || second ? 2 : 3;
    const zonePages = Math.max(1, Math.ceil(known.zones.length / atOnce));
    const at = page % zonePages;
    $("zones").replaceChildren(...known.zones.slice(at * atOnce, (at + 1) * atOnce).map(zoneCard));
    const { scale, columns, room, heightPx } = grid(unit, known.windows.length);
    const windowPages = Math.max(1, Math.ceil(known.windows.length / room));
    const from = (page % windowPages) * room;
    document.documentElement.style.setProperty("--s", String(scale));
    // What is left over goes to the rows, as far as it looks well.
    const lines = Math.ceil(Math.min(room, known.windows.length) / columns);
    const high = Math.min((heightPx + 16 * unit) / Math.max(1, lines) - 16 * unit, 200 * unit * scale);
    $("windows").style.gridAutoRows = `${Math.floor(high)}px`;
    $("windows").style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    $("windows").replaceChildren(...known.windows.slice(from, from + room).map(windowCard));
    const pages = Math.max(windowPages, zonePages);
    $("turn").textContent = pages > 1 ? both((w) => w.turn((page % pages) + 1, pages)) : "";
    layout = `${pages}`;
  };
  const agePhrase = (w, s) => (s < 90 ? w.seconds(Math.floor(s)) : s < 5400 ? w.ago(Math.round(s / 60)) : w.hours(Math.round(s / 3600)));
  const tell = () => {
    if (known) {
      const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: known.zone_info };
      $("clock").textContent = new Intl.DateTimeFormat("zh-CN", options).format(new Date(nowS() * 1000));
    }
    const figures = known && known.figures_at;
    const s = figures ? Math.max(0, nowS() - figures) : Infinity;
    const state = s < OLD_S ? "fresh" : s < LOST_S ? "old" : "lost";
    const words = !figures ? both((w) => w.never)
      : both((w) => w.age(agePhrase(w, s)) + (state === "lost" ? w.lost : ""));
    const changed = document.body.dataset.age !== state;
    document.body.dataset.age = state;
    const said = state === "fresh" ? "" : words;
    if ($("age").textContent !== said) $("age").textContent = said;
    if (changed) show();
  };

  const ask = async () => {
    const until = AbortSignal.timeout ? AbortSignal.timeout(PATIENCE_MS) : undefined;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(`${location.pathname.replace(/\/$/, "")}/state`, { headers, signal: until, cache: "no-store" });
      if (answer.ok || answer.status === 304) offsetS = Number(answer.headers.get("X-Now")) - performance.now() / 1000;
      if (answer.ok) {
        known = await answer.json();
        tag = answer.headers.get("ETag");
        show();
      }
    } catch (error) {
      console.warn("no answer:", error.message); // What is known stays, and its age is told.
    }
    tell();
    setTimeout(ask, EVERY_MS);
  };
  addEventListener("resize", show);
  setInterval(tell, 1000);
  setInterval(() => { page = (page + 1) % Math.max(1, Number(layout) || 1); if (Number(layout) > 1) show(); }, TURN_MS);
  fit();
  ask();
})();
