// The inbox: going from one incident to another without loading a page, dialogs of acts, and the picture of an event.
(() => {
  const root = () => document.querySelector(".inbox");
  const isConnected = () => Boolean(window.did_handshake && window.socket && window.socket.connected);

  // What was clicked shows at once; the server sends the rest.
  const go = (link, push) => {
    const inbox = root();
    const opens = /^\/incidents\/./.test(new URL(link, location.href).pathname);
    if (push) history.pushState(null, "", link);
    inbox.dataset.going = opens ? "file" : "list";
    for (const row of inbox.querySelectorAll(".row-link")) {
      row.toggleAttribute("data-pressed", opens && new URL(row.href).pathname === new URL(link, location.href).pathname);
    }
    // Let the browser paint this first.
    requestAnimationFrame(() => setTimeout(() => emitEvent("inbox-go", link)));
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-go]");
    const isPlain = !(event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !root() || !isPlain || !isConnected()) return;
    event.preventDefault();
    go(link.getAttribute("href"), true);
  });
  addEventListener("popstate", () => root() && go(location.pathname + location.search, false));

  document.addEventListener("change", (event) => {
    const name = event.target.dataset && event.target.dataset.narrow;
    if (!name) return;
    const url = new URL(location.href);
    url.pathname = "/incidents";
    for (const gone of ["after", "before"]) url.searchParams.delete(gone);
    if (event.target.value) url.searchParams.set(name, event.target.value);
    else url.searchParams.delete(name);
    go(url.pathname + url.search, true);
  });

  // Up and down go through the rows.
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest && event.target.closest(".row-link");
    if (!row || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const rows = [...document.querySelectorAll(".row-link")];
    const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });

  // Called when the server has sent what was asked for.
  window.hallwatch.inboxShown = () => {
    const inbox = root();
    const opened = inbox.dataset.going === "file";
    delete inbox.dataset.going;
    for (const row of inbox.querySelectorAll("[data-pressed]")) row.removeAttribute("data-pressed");
    const title = document.getElementById("file-title");
    if (opened && title) title.focus({ preventScroll: true });
    if (matchMedia("(max-width: 1000px)").matches) scrollTo(0, 0);
    else document.getElementById("file").scrollTop = 0;
  };

  // Acts. The button names the incident; a dialog asks where something is to be said or cannot be taken back.
  const act = async (kind, file, body, done) => {
    await hallwatch.ask("POST", `/api/incidents/${file}/${kind.replace("_", "-")}`, body);
    hallwatch.say(done);
  };

  const openDialog = (button) => {
    const dialog = document.getElementById(`ask-${button.dataset.act}`);
    const form = dialog.querySelector("form");
    form.reset();
    form.dataset.file = button.dataset.file;
    dialog.querySelector("[data-subject]").textContent = document.getElementById("file-title").textContent;
    dialog.querySelector(".ask-fault").textContent = "";
    const note = form.elements.note;
    note.required = "noted" in button.dataset;
    const hint = dialog.querySelector("[data-hint]");
    const optional = dialog.querySelector("[data-optional]");
    if (hint) hint.hidden = !note.required;
    if (optional) optional.hidden = note.required;
    dialog.showModal();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button || !root()) return;
    if ("cancel" in button.dataset) button.closest("dialog").close();
    if (!button.dataset.act) return;
    if (!button.dataset.done) {
      openDialog(button);
      return;
    }
    button.disabled = true;
    try {
      await act(button.dataset.act, button.dataset.file, {}, button.dataset.done);
      document.getElementById("file-title").focus({ preventScroll: true });
    } catch (error) {
      button.disabled = false;
    }
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-ask]");
    if (!form) return;
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    const body = Object.fromEntries([...new FormData(form)].filter(([name, value]) => value || name === "note"));
    submit.disabled = true;
    try {
      await act(form.dataset.ask, form.dataset.file, body, form.dataset.done);
      form.closest("dialog").close();
      document.getElementById("file-title").focus({ preventScroll: true });
    } catch (error) {
      // A dialog covers the line where it is said.
      form.querySelector(".ask-fault").textContent = document.getElementById("said").textContent;
    } finally {
      submit.disabled = false;
    }
  });

  // The picture lies on its box; the centre asks the box for it. Where it cannot be had, that is said in words.
  class HallEvidence extends HTMLElement {
    connectedCallback() {
      if (this.childElementCount === 0) this.load();
    }
    async load() {
      this.show(this.dataset.wait);
      let why = "";
      try {
        const answer = await fetch(this.getAttribute("src"));
        const kind = answer.headers.get("Content-Type") || "";
        if (answer.ok && kind.startsWith("image/")) {
          const picture = document.createElement("img");
          picture.alt = this.getAttribute("alt");
          picture.src = URL.createObjectURL(await answer.blob());
          picture.onload = () => URL.revokeObjectURL(picture.src);
          this.replaceChildren(picture);
          return;
        }
        if (kind.startsWith("application/json")) why = (await answer.json()).detail;
      } catch (error) {
        why = "";
      }
      const again = document.createElement("button");
      again.type = "button";
      again.className = "button";
      again.textContent = this.dataset.again;
      again.onclick = () => this.load();
      this.show(this.dataset.away, typeof why === "string" ? why : "", again);
    }
    show(words, why, button) {
      const said = document.createElement("p");
      said.textContent = words;
      this.replaceChildren(said);
      if (why) {
        const more = document.createElement("p");
        more.className = "quiet";
        more.textContent = why;
        this.append(more);
      }
      if (button) this.append(button);
    }
  }
  customElements.define("hall-evidence", HallEvidence);
})();
