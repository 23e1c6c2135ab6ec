/** Gives the page in a language: all else is made by its scripts. */
export function pageIn(language: string): string {
  const noScript =
    language === "ko" ? "이 페이지에는 JavaScript가 필요합니다." : "This page needs JavaScript.";
  return `<!doctype html>
<html lang="${language === "ko" ? "ko" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>STOMP inspector</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="style.css">
<script type="module" src="page/main.js"></script>
</head>
<body>
<noscript><p>${noScript}</p></noscript>
</body>
</html>
`;
}

/** A lens over a line. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1d4ed8"/><circle cx="14" cy="14" r="6.5" fill="none" stroke="#fff" stroke-width="2.6"/><path d="M19 19l6 6" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>`;

/** The page's style sheet. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f6fa;
  --sheet: #fff;
  --text: #1b2433;
  --soft: #54617a;
  --line: #d7ddea;
  --accent: #1d4ed8;
  --on-accent: #fff;
  --good: #12703a;
  --bad: #b3261e;
  --warn: #8a5300;
  --bar: #dbe5ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151f;
    --sheet: #181f2c;
    --text: #e6ebf5;
    --soft: #a3b0c8;
    --line: #2c3750;
    --accent: #8fb0ff;
    --on-accent: #0d1526;
    --good: #6fd89b;
    --bad: #ff9c93;
    --warn: #f3c06b;
    --bar: #24345c;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", sans-serif;
}
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 8px; z-index: 2; background: var(--sheet); padding: 6px 10px; }
header { background: var(--sheet); border-bottom: 1px solid var(--line); }
.top { max-width: 1240px; margin: 0 auto; padding: 12px 20px 0; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; }
.top h1 { font-size: 18px; margin: 0; letter-spacing: -0.01em; }
.state { display: inline-flex; align-items: center; gap: 7px; color: var(--soft); font-size: 14px; }
.dot { width: 10px; height: 10px; border-radius: 50%; background: var(--soft); flex: none; }
.dot.up { background: var(--good); }
.dot.down { background: var(--bad); }
.dot.closing { background: var(--warn); }
.who { margin-left: auto; display: flex; gap: 12px; align-items: center; color: var(--soft); font-size: 14px; }
nav { max-width: 1240px; margin: 4px auto 0; padding: 0 12px; display: flex; overflow-x: auto; scrollbar-width: thin; }
nav a { padding: 10px 12px; color: var(--soft); text-decoration: none; border-bottom: 3px solid transparent; white-space: nowrap; }
nav a:hover { color: var(--text); }
nav a[aria-current] { color: var(--accent); border-color: var(--accent); font-weight: 600; }
main { max-width: 1240px; margin: 0 auto; padding: 20px; }
main h2 { font-size: 21px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 .mono { font-size: inherit; font-family: inherit; }
main h3 { font-size: 16px; margin: 26px 0 8px; }
.hint { color: var(--soft); margin: 0 0 16px; max-width: 76ch; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, textarea:focus-visible, [tabindex]:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px;
}
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 16px; }
.facts { grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }
.card { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.card dt { color: var(--soft); font-size: 13px; }
.card dd { margin: 2px 0 0; font-size: 23px; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card dd.text { font-size: 15px; }
.card small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
dl.cards { padding: 0; }
.chart { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin: 0 0 16px; }
.chart h3 { margin: 0 0 6px; font-size: 14px; color: var(--soft); font-weight: 500; }
.chart svg { display: block; width: 100%; height: 96px; }
.chart polyline { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
.chart polyline.second { stroke: var(--warn); stroke-dasharray: 5 3; }
.chart .legend { color: var(--soft); font-size: 13px; margin: 6px 0 0; display: flex; gap: 18px; flex-wrap: wrap; }
.key { display: inline-block; width: 22px; height: 0; border-top: 3px solid var(--accent); vertical-align: middle; margin-right: 6px; }
.key.second { border-top: 3px dashed var(--warn); }
form.filter { display: flex; flex-wrap: wrap; gap: 10px 12px; align-items: end; margin: 0 0 14px; }
label { display: block; font-size: 13px; color: var(--soft); }
input, select, textarea, button { font: inherit; color: var(--text); }
input, select { height: 38px; }
input, select, textarea {
  display: block; margin-top: 3px; padding: 7px 10px; border: 1px solid var(--soft); border-radius: 7px; background: var(--sheet); min-width: 0; width: 100%;
}
textarea { min-height: 110px; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; }
.filter button { height: 38px; }
.filter label { flex: 1 1 150px; max-width: 300px; }
button { padding: 7px 14px; border: 1px solid var(--soft); border-radius: 7px; background: var(--sheet); cursor: pointer; }
button:hover { border-color: var(--accent); color: var(--accent); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button.main:hover { filter: brightness(1.08); }
button.danger { border-color: var(--bad); color: var(--bad); }
button[disabled] { opacity: 0.55; cursor: default; }
button.small { padding: 3px 10px; font-size: 13px; }
.scroll { position: relative; overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
th, td { text-align: left; padding: 8px 12px; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; font-weight: 600; font-size: 13px; color: var(--soft); white-space: nowrap; }
tbody th { font-weight: 500; }
tbody tr:hover { background: color-mix(in srgb, var(--bar) 40%, transparent); }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th button { padding: 0; border: 0; background: none; font-weight: 600; color: inherit; }
th[aria-sort] button { color: var(--accent); }
.mono { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere; unicode-bidi: isolate; white-space: pre-wrap; }
.tag { display: inline-block; padding: 1px 8px; border-radius: 99px; border: 1px solid var(--line); color: var(--soft); font-size: 12px; white-space: nowrap; }
.tag.client { color: var(--accent); border-color: var(--accent); }
.tag.application { color: var(--warn); border-color: var(--warn); }
.tag.server { color: var(--good); border-color: var(--good); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.warn { color: var(--warn); }
.empty { padding: 26px 14px; color: var(--soft); text-align: center; background: var(--sheet); border: 1px dashed var(--line); border-radius: 10px; }
.pager { display: flex; gap: 10px; align-items: center; margin: 12px 0 0; color: var(--soft); }
.notice { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
.notice p { margin: 16px 0 0; }
.problem { max-width: 1200px; margin: 14px auto 0; padding: 10px 14px; border: 1px solid var(--bad); border-radius: 8px; color: var(--bad); background: var(--sheet); }
.verdict { background: var(--sheet); border: 1px solid var(--line); border-left: 6px solid var(--soft); border-radius: 10px; padding: 14px 16px; margin: 0 0 16px; }
.verdict.good { border-left-color: var(--good); }
.verdict.bad { border-left-color: var(--bad); }
.verdict strong { font-size: 18px; }
.verdict p { margin: 6px 0 0; color: var(--text); }
ol.asked { padding-left: 24px; margin: 6px 0; }
ol.asked li { margin: 3px 0; color: var(--text); }
.frames { list-style: none; margin: 0; padding: 0; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; max-height: 62vh; overflow-y: auto; }
.frames > li { padding: 8px 12px; border-top: 1px solid var(--line); }
.frames > li:first-child { border-top: 0; }
.frames .line { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; }
.frames time { color: var(--soft); font-variant-numeric: tabular-nums; font-size: 13px; }
.frames details { margin: 2px 0 0; font-size: 13px; }
.frames summary { cursor: pointer; color: var(--soft); }
.frames pre { margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
.actions { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; }
dialog { border: 1px solid var(--line); border-radius: 12px; background: var(--sheet); color: var(--text); width: min(460px, calc(100vw - 32px)); padding: 20px; }
dialog::backdrop { background: #0008; }
dialog h2 { margin: 0 0 8px; font-size: 18px; }
dialog .actions { justify-content: flex-end; margin: 16px 0 0; }
.form { max-width: 560px; display: grid; gap: 12px; }
@media (max-width: 640px) {
  main { padding: 14px 12px; }
  .top { padding: 10px 12px 0; }
  nav { padding: 0 2px; }
  .who { margin-left: 0; width: 100%; }
  .cards { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  .card dd { font-size: 19px; }
  .filter label { flex-basis: 100%; max-width: none; }
  .stack thead { position: absolute; left: -9999px; }
  .stack tr { display: block; padding: 8px 0; border-top: 1px solid var(--line); }
  .stack tbody tr:first-child { border-top: 0; }
  .stack td, .stack tbody th { display: flex; justify-content: space-between; gap: 16px; border: 0; padding: 3px 12px; text-align: right; white-space: normal; }
  .stack td:empty { display: none; }
  .stack td::before, .stack tbody th::before { content: attr(data-label); color: var(--soft); font-weight: 400; text-align: left; flex: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .dot.up { animation: breathe 2.4s ease-in-out infinite; }
  @keyframes breathe { 50% { opacity: 0.45; } }
}
`;
