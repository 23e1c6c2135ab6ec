import { paintAvatar } from "./avatar.js";

// The reader's own clock: the server knows no time zone.
const language = document.documentElement.lang;
const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time"))
  time.textContent = format.format(new Date(time.dateTime));
for (const avatar of document.querySelectorAll(".avatar")) {
  if (avatar instanceof HTMLElement) paintAvatar(avatar, avatar.dataset.name ?? "");
}
