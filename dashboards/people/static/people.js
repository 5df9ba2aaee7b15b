// Users, the audit log and one's own account, over the HTTP API.
(() => {
  const PAGE_ROWS = 50;
  let told;
  const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  // An element with attributes and children; texts go in as text.
  const h = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };
  const button = (word, act, kind = "") =>
    h("button", { type: "button", class: `people-button ${kind}`, onclick: act }, word);
  const field = (word, input) => h("label", { class: "people-field" }, word, input);
  const card = (title, ...children) =>
    h("section", { class: "people-card" }, ...(title ? [h("h2", {}, title)] : []), ...children);
  const time = (seconds) =>
    new Intl.DateTimeFormat(document.documentElement.lang, {
      timeZone: told.zone, year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    }).format(new Date(seconds * 1000));
  const select = (options, chosen, more = {}) =>
    h("select", more, ...options.map(([value, word]) => h("option", { value, selected: value === chosen }, word)));
  const table = (names, rows) =>
    h("table", { class: "people-table" },
      h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...rows.map((cells) =>
        h("tr", { class: "people-row" }, ...cells.map((cell, i) =>
          h("td", { "data-name": names[i], class: (cell && cell.kind) || (names[i] ? "" : "bare") },
            (cell && cell.kind ? cell.value : cell) ?? ""))))));

  const dialog = (title, ...children) =>
    new Promise((resolve) => {
      const box = h("dialog", { class: "people-dialog", "aria-label": title }, h("h2", {}, title), ...children.map(
        (child) => (typeof child === "function" ? child((answer) => { box.close(); resolve(answer); }) : child)));
      box.addEventListener("close", () => { box.remove(); resolve(false); });
      document.body.append(box);
      box.showModal();
    });
  const sure = (question) =>
    dialog(question, (answer) => h("div", { class: "people-acts" },
      button(told.words.no, () => answer(false)), button(told.words.yes, () => answer(true), "main")));
  const secret = (title, text) => {
    const copy = async () => {
      await navigator.clipboard.writeText(text);
      hallwatch.say(told.words.copied);
    };
    return dialog(title, h("code", { class: "people-secret" }, text), h("p", {}, told.words.once_hint),
      (answer) => h("div", { class: "people-acts" },
        ...(navigator.clipboard ? [button(told.words.copy, copy)] : []),
        button(told.words.close, () => answer(true), "main")));
  };
  const ask = hallwatch.ask;
  // What fails is told beside the header by `ask`.
  const act = (work) => async (event) => {
    if (event) event.preventDefault();
    try { await work(event); } catch (error) { console.warn(error.message); }
  };
  const all = async (path) => {
    const items = [];
    for (let after = ""; ;) {
      const page = await ask("GET", `${path}?limit=500${after}`);
      items.push(...page.items);
      if (!page.more) return items;
      after = `&after=${encodeURIComponent(page.last)}`;
    }
  };
  const tokenTable = (tokens, revoke) => {
    const w = told.words;
    if (!tokens.length) return h("p", { class: "people-hint" }, w.no_tokens);
    return table([w.purpose, w.expires, ""], tokens.map((token) => [
      token.name, { kind: "nowrap", value: time(token.expires_at) },
      button(w.revoke, act(async () => {
        if (await sure(fill(w.sure_revoke, token))) { await revoke(token); }
      }), "danger"),
    ]));
  };

  class Users {
    constructor(root) { this.root = root; this.list = card(""); }
    async start() {
      this.root.replaceChildren(this.form(), this.list);
      await this.show();
    }
    form() {
      const w = told.words;
      const name = h("input", { name: "name", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false",
        pattern: "[a-z0-9][a-z0-9._\\-]{0,63}", title: w.name_hint });
      const role = select(Object.entries(w.roles), "viewer", { name: "role" });
      const halls = select([["this", w.this_hall], ["all", w.all_halls]], "this", { name: "halls" });
      const add = act(async () => {
        const body = { name: name.value.trim(), role: role.value, halls: halls.value === "all" ? null : [told.hall] };
        const made = await ask("POST", "/api/users", body);
        name.value = "";
        await this.show();
        await secret(fill(w.once_password, made), made.password);
      });
      return card(w.add_user, h("form", { class: "people-form", onsubmit: add },
        field(w.name, name), field(w.role, role), field(w.halls, halls),
        h("button", { class: "people-button main" }, w.add)), h("p", { class: "people-hint" }, w.roles_hint));
    }
    async show() {
      const w = told.words;
      const users = await all("/api/users");
      this.list.replaceChildren(table([w.name, w.role, w.halls, w.state, ""], users.map((user) => this.row(user))));
    }
    row(user) {
      const w = told.words;
      const path = `/api/users/${encodeURIComponent(user.name)}`;
      const own = user.name === told.me;
      const change = (body) => act(async () => {
        try { await ask("PATCH", path, body()); hallwatch.say(w.done); } finally { await this.show(); }
      });
      const role = select(Object.entries(w.roles), user.role, { "aria-label": `${w.role}: ${user.name}` });
      role.addEventListener("change", change(() => ({ role: role.value })));
      const state = h("span", {}, user.enabled ? w.enabled : "");
      if (!user.enabled) state.append(h("span", { class: "people-mark off" }, w.disabled));
      if (user.must_change) state.append(h("span", { class: "people-mark" }, w.must_change));
      const acts = h("div", { class: "people-acts" }, button(w.tokens, act(() => this.tokens(user, path))));
      if (!own) {
        const toggle = act(async () => {
          if (user.enabled && !(await sure(fill(w.sure_disable, user)))) return;
          await change(() => ({ enabled: !user.enabled }))();
        });
        const reset = act(async () => {
          if (!(await sure(fill(w.sure_reset, user)))) return;
          const made = await ask("POST", `${path}/reset`);
          await this.show();
          await secret(fill(w.once_password, made), made.password);
        });
        const remove = act(async () => {
          if (!(await sure(fill(w.sure_remove, user)))) return;
          await ask("DELETE", path);
          await this.show();
        });
        acts.append(button(user.enabled ? w.disable : w.enable, toggle), button(w.reset, reset),
          button(w.remove, remove, "danger"));
      }
      const name = h("span", {}, h("span", { class: "people-name" }, user.name));
      if (own) name.append(h("span", { class: "people-mark" }, w.you));
      return [name, role, user.halls === null ? w.all_halls : user.halls.join(", "), state, acts];
    }
    async tokens(user, path) {
      const w = told.words;
      const tokens = await all(`${path}/tokens`);
      await dialog(`${w.tokens}: ${user.name}`, (answer) => tokenTable(tokens, async (token) => {
        await ask("DELETE", `${path}/tokens/${token.id}`);
        hallwatch.say(w.done);
        answer(true);
      }), (answer) => h("div", { class: "people-acts" }, button(w.close, () => answer(true), "main")));
    }
  }

  class Audit {
    constructor(root) { this.root = root; }
    async start() {
      const w = told.words;
      this.actor = h("input", { name: "actor", maxlength: 128, autocomplete: "off" });
      this.subject = h("input", { name: "subject", maxlength: 128, autocomplete: "off", placeholder: "user/li" });
      this.verdict = h("p", { class: "people-verdict", role: "status" });
      this.rows = h("div", { class: "people-wide" });
      this.older = button(w.older, act(() => this.show(false)));
      this.root.replaceChildren(
        card("", h("form", { class: "people-form", onsubmit: act(() => this.show(true)) },
          field(w.actor, this.actor), field(w.subject, this.subject),
          h("button", { class: "people-button" }, w.filter), button(w.verify, act(() => this.verify()), "main"))),
        this.verdict, card("", this.rows, h("div", { class: "people-acts" }, this.older)));
      await this.show(true);
    }
    async show(anew) {
      const asked = new URLSearchParams({ limit: PAGE_ROWS });
      for (const key of ["actor", "subject"]) if (this[key].value.trim()) asked.set(key, this[key].value.trim());
      if (!anew) asked.set("after", this.last);
      const page = await ask("GET", `/api/audit?${asked}`);
      this.found = anew ? page.items : [...this.found, ...page.items];
      this.last = page.last;
      this.older.hidden = !page.more;
      const w = told.words;
      this.rows.replaceChildren(this.found.length
        ? table([w.time, w.actor, w.action, w.subject, w.detail], this.found.map((row) => [
            { kind: "nowrap", value: time(row.at) }, row.actor, w.actions[row.action] || row.action, row.subject,
            Object.entries(row.detail).map(([key, value]) =>
              `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · "),
          ]))
        : h("p", { class: "people-hint" }, w.no_rows));
    }
    async verify() {
      const w = told.words;
      const found = await ask("GET", "/api/audit/verify");
      const whole = found.faults.length === 0;
      this.verdict.dataset.whole = whole;
      this.verdict.textContent = whole
        ? fill(w.whole, found)
        : [fill(w.broken, { count: found.faults.length }), ...found.faults.slice(0, 20)].join("\n");
    }
  }

  class Own {
    constructor(root) { this.root = root; this.list = h("div"); }
    async start() {
      const w = told.words;
      const me = await ask("GET", "/api/me");
      this.root.replaceChildren(
        card("", h("p", {}, h("span", { class: "people-name" }, me.name), ` · ${w.roles[me.role]} · `,
          me.halls === null ? w.all_halls : me.halls.join(", "))),
        this.password(me), this.tokens());
      await this.show();
    }
    password(me) {
      const w = told.words;
      const input = (name, hint) => h("input", { type: "password", name, required: true, autocomplete: hint });
      const [old, fresh, again] = [input("old", "current-password"), input("new", "new-password"), input("again", "new-password")];
      const change = act(async () => {
        if (fresh.value !== again.value) { hallwatch.say(w.differ, "failed"); return; }
        await ask("POST", "/api/password", { name: me.name, password: old.value, new: fresh.value });
        location.assign("/login");
      });
      return card(w.password, h("form", { class: "people-form", onsubmit: change },
        h("input", { type: "text", name: "username", autocomplete: "username", value: me.name, hidden: true }),
        field(w.old, old), field(w.new, fresh), field(w.again, again),
        h("button", { class: "people-button main" }, w.change)), h("p", { class: "people-hint" }, w.password_hint));
    }
    tokens() {
      const w = told.words;
      const name = h("input", { name: "purpose", required: true, maxlength: 64, autocomplete: "off" });
      const days = h("input", { name: "days", type: "number", min: 1, max: 3660, value: 90, required: true });
      const make = act(async () => {
        const made = await ask("POST", "/api/tokens", { name: name.value.trim(), days: Number(days.value) });
        name.value = "";
        await this.show();
        await secret(fill(w.once_key, made.token), made.key);
      });
      return card(w.tokens, this.list, h("h2", { class: "people-new" }, w.new_token),
        h("form", { class: "people-form", onsubmit: make }, field(w.purpose, name), field(w.days, days),
          h("button", { class: "people-button main" }, w.create)));
    }
    async show() {
      this.list.replaceChildren(tokenTable(await all("/api/tokens"), async (token) => {
        await ask("DELETE", `/api/tokens/${token.id}`);
        hallwatch.say(told.words.done);
        await this.show();
      }));
    }
  }

  const PAGES = { users: Users, audit: Audit, account: Own };
  customElements.define("hall-people", class extends HTMLElement {
    connectedCallback() {
      if (this.page) return;
      told = JSON.parse(document.getElementById("people-words").textContent);
      this.textContent = told.words.loading;
      this.page = new PAGES[this.dataset.page](this);
      act(() => this.page.start())();
    }
  });
})();
