// The dialog by which a manager opens a window, pauses it, or gives its clerk leave until a moment.
(() => {
  const dialogOf = () => document.getElementById("ask-duty");

  // What is chosen decides what else is asked: a leave has an end, a pause may have one.
  const follow = (form) => {
    const duty = form.elements.duty.value;
    const span = form.elements.span;
    const never = span.querySelector('option[value=""]');
    never.hidden = never.disabled = duty === "leave";
    if (duty === "leave" && span.value === "") span.value = "15";
    const asksSpan = duty === "leave" || duty === "paused";
    form.querySelector("[data-duty-span]").hidden = !asksSpan;
    const asksTime = asksSpan && span.value === "0";
    form.querySelector("[data-duty-time]").hidden = !asksTime;
    form.elements.time.required = asksTime;
  };

  // Date, time and offset of the hall, whatever the clock and the zone of this machine.
  const inHall = (seconds, zone) => {
    const options = { timeZone: zone, hourCycle: "h23", timeZoneName: "longOffset" };
    const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    const parts = new Intl.DateTimeFormat("en-CA", { ...fields, ...options }).formatToParts(new Date(seconds * 1000));
    const { year, month, day, hour, minute, timeZoneName } = Object.fromEntries(parts.map((p) => [p.type, p.value]));
    return { date: `${year}-${month}-${day}`, time: `${hour}:${minute}`, offset: timeZoneName.slice(3) || "+00:00" };
  };

  const untilOf = (form) => {
    const { span, time } = form.elements;
    const now = hallwatch.nowS();
    // In whole minutes, as people say it.
    if (span.value !== "0") return new Date((Math.round(now / 60) + Number(span.value)) * 60_000).toISOString();
    const here = inHall(now, form.dataset.zone);
    // A time that has passed is that of tomorrow.
    const day = time.value > here.time ? here : inHall(now + 86400, form.dataset.zone);
    return `${day.date}T${time.value}:00${day.offset}`;
  };

  // `crypto.randomUUID` is not there without TLS.
  const newKey = () => `console-${[...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16)).join("")}`;

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-duty-cancel]")) dialogOf().close();
    const button = event.target.closest("[data-duty-of]");
    if (!button) return;
    event.preventDefault();
    const dialog = dialogOf();
    const form = dialog.querySelector("form");
    form.reset();
    form.dataset.window = button.dataset.dutyOf;
    dialog.querySelector("[data-duty-label]").textContent = button.dataset.label;
    dialog.querySelector("[data-duty-now]").textContent = button.dataset.now;
    dialog.querySelector(".ask-fault").textContent = "";
    const isOnDemand = "onDemand" in button.dataset;
    for (const order of form.querySelectorAll(".order")) {
      const fits = isOnDemand ? "forOnDemand" in order.dataset : "forUsual" in order.dataset;
      order.hidden = !fits;
      order.querySelector("input").disabled = !fits;
    }
    follow(form);
    dialog.showModal();
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-duty-form]");
    if (form) follow(form);
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-duty-form]");
    if (!form) return;
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    const duty = form.elements.duty.value;
    const ends = duty === "leave" || (duty === "paused" && form.elements.span.value !== "");
    const body = { key: newKey(), window: form.dataset.window, duty, ...(ends ? { until: untilOf(form) } : {}) };
    submit.disabled = true;
    try {
      await hallwatch.ask("POST", `/api/halls/${form.dataset.hall}/duty`, body);
      form.closest("dialog").close();
      hallwatch.say(form.dataset.done);
    } catch (error) {
      // A dialog covers the line where it is said.
      form.querySelector(".ask-fault").textContent = document.getElementById("said").textContent;
    } finally {
      submit.disabled = false;
    }
  });
})();
