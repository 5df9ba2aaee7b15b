// Saving: what changes in the file is shown first; then it is written, or taken away, or sent to the box.
(() => {
  const cal = window.hallwatch.calibration;
  const { fill, h } = cal;

  cal.Saving = class {
    constructor(editor) {
      this.editor = editor;
      this.dialog = h("dialog.cal-dialog", { "aria-labelledby": "cal-dialog-title", "data-testid": "dialog" });
      editor.append(this.dialog);
    }
    get words() {
      return this.editor.words;
    }
    show(title, ...body) {
      this.dialog.replaceChildren(h("h2.cal-dialog-title", { id: "cal-dialog-title" }, title), ...body);
      if (!this.dialog.open) this.dialog.showModal();
    }
    close() {
      this.dialog.close();
    }
    button(words, act, kind = "") {
      const name = kind.split(".")[0];
      return h(`button.cal-button${kind ? `.${kind}` : ""}`, { type: "button", onclick: act, "data-testid": `dialog-${name || "close"}` }, words);
    }
    diff(text) {
      const lines = text.split("\n").map((line) => {
        const kind = { "+": "added", "-": "gone", "@": "place" }[line[0]] || "same";
        return h("span", { "data-line": kind }, kind === "place" ? "⋯" : line, "\n");
      });
      return h("pre.cal-diff", { tabindex: 0, "data-testid": "diff" }, ...lines);
    }

    async ask() {
      const checked = await this.editor.check();
      if (!checked) return;
      if (checked.faults.length) {
        window.hallwatch.say(this.words.mend_first, "failed");
        return;
      }
      const { writable, file } = this.editor.opened;
      const parts = [h("p.quiet", {}, this.words.dialog_diff), this.diff(checked.diff), h("p.quiet", {}, this.words.dialog_masked)];
      if (!writable) parts.push(h("p.cal-note", {}, fill(this.words.read_only, { file })), h("p.quiet", {}, this.words.download_note));
      const download = this.button(this.words.download, () => this.download(), "download");
      const write = writable ? this.button(this.words.write, () => this.write(), "write.cal-main") : null;
      const close = this.button(this.words.close, () => this.close());
      this.show(fill(this.words.dialog_title, { file }), ...parts, h("div.cal-dialog-end", {}, close, download, write));
      (write || download).focus();
    }
    async write() {
      const answer = await this.send("PUT", this.editor.told.areas);
      if (!answer) return;
      this.editor.wasSaved(answer);
      const { file } = this.editor.opened;
      const close = this.button(this.words.close, () => this.close());
      const said = h("div.cal-sent", { role: "status", "data-testid": "sent" }, this.words.send_note);
      const send = this.button(this.words.send, () => this.toBox(send, said), "send.cal-main");
      this.show(fill(this.words.saved, { file }), h("p.quiet", {}, this.words.saved_note), said, h("div.cal-dialog-end", {}, close, send));
      send.focus();
    }
    async download() {
      const answer = await this.send("POST", `${this.editor.told.areas}/file`);
      if (!answer) return;
      const url = URL.createObjectURL(new Blob([answer.text], { type: "application/yaml" }));
      const link = h("a", { href: url, download: this.editor.opened.file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }
    // The centre sends its own file, as it stands: the browser does not know it whole.
    async toBox(button, said) {
      button.disabled = true;
      said.textContent = this.words.sending;
      let found;
      try {
        const headers = { "Content-Type": "application/json" };
        const answer = await fetch(this.editor.told.config, { method: "POST", headers, body: "{}" });
        const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
        found = isJson ? await answer.json() : { detail: `HTTP ${answer.status}` };
      } catch (error) {
        found = { detail: this.words.offline };
      }
      const nodes = found.nodes || [];
      said.replaceChildren(...(nodes.length ? nodes.map((node) => this.outcome(node)) : [h("span.cal-note", {}, found.detail)]));
      button.disabled = nodes.length > 0 && nodes.every((node) => node.outcome === "taken");
    }
    outcome({ node, outcome, error, changed }) {
      const taken = outcome === "taken";
      const cameras = taken && changed.length ? fill(this.words.cameras_anew, { cameras: changed.join(" ") }) : "";
      const words = fill(this.words[`box_${outcome}`], { node });
      return h(taken ? "span.cal-done" : "span.cal-note", { "data-outcome": outcome }, [words, taken ? cameras : error].filter(Boolean).join(" "));
    }
    // Asks with what is drawn; where the file is another one by now, that is explained.
    async send(method, path) {
      const body = JSON.stringify({ base: this.editor.opened.sha256, areas: this.editor.model.now });
      let answer;
      try {
        answer = await fetch(path, { method, headers: { "Content-Type": "application/json" }, body });
      } catch (error) {
        window.hallwatch.say(this.words.offline, "failed");
        return null;
      }
      if (answer.status === 401) location.assign("/login");
      const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      const found = isJson ? await answer.json() : { detail: `HTTP ${answer.status}` };
      if (answer.ok) return found;
      if (answer.status === 409) this.stale(found);
      else window.hallwatch.say(found.detail, "failed");
      return null;
    }
    stale(found) {
      const part = (words, diff) => [h("p.quiet", {}, words), diff ? this.diff(diff) : h("p", {}, this.words.stale_unknown)];
      const keep = this.button(this.words.keep, () => this.close());
      const reload = this.button(this.words.reload, () => this.editor.reload(), "reload.cal-main");
      this.show(this.words.stale_title, ...part(this.words.stale_theirs, found.theirs), ...part(this.words.stale_yours, found.yours), h("div.cal-dialog-end", {}, keep, reload));
      keep.focus();
    }
  };
})();
