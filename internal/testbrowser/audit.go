package testbrowser

import (
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// watchful notes what goes wrong in a page: layout that shifts, and what the content security policy refuses.
const watchful = `window.shift = 0; window.shifted = []; window.wrong = [];
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) {
		window.shift += e.value;
		for (const {node: n, previousRect: a, currentRect: b} of e.sources) window.shifted.push((n?.outerHTML ?? n?.data ?? '').slice(0, 60) + ' ' + [a.y, a.height, b.y, b.height]);
	} }).observe({type: 'layout-shift', buffered: true});
	addEventListener('securitypolicyviolation', e => window.wrong.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));
	addEventListener('error', e => window.wrong.push(e.message));`

// audit finds texts of low contrast, inputs and pictures without names, doubled ids and what is wider than the page.
const audit = `(() => {
	const found = [];
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const parse = s => { const m = s.match(/[\d.]+/g).map(Number); return [m.slice(0, 3), m[3] ?? 1]; };
	const over = ([a, alpha], b) => a.map((v, i) => v * alpha + b[i] * (1 - alpha));
	const behind = e => { const layers = []; for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor)); return layers.reverse().reduce((b, l) => over(l, b), [255, 255, 255]); };
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const seen = new Set();
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement;
		if (!n.data.trim() || seen.has(e) || !e.checkVisibility() || e.closest('.hidden, .skip, svg, option')) continue;
		seen.add(e);
		const style = getComputedStyle(e), back = behind(e), a = light(over(parse(style.color), back)), b = light(back);
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) found.push('contrast ' + ratio.toFixed(2) + ': ' + e.className + ' ' + n.data.trim().slice(0, 40));
	}
	for (const e of document.querySelectorAll('input:not([type=hidden]), select')) if (e.checkVisibility() && !e.labels?.length && !e.ariaLabel) found.push('no label: ' + e.outerHTML);
	for (const e of document.querySelectorAll('button, a')) if (e.checkVisibility() && !e.innerText.trim() && !e.ariaLabel) found.push('no name: ' + e.outerHTML);
	for (const e of document.querySelectorAll('svg')) if (e.ariaHidden !== 'true' && !e.ariaLabel) found.push('no name: ' + e.outerHTML.slice(0, 80));
	const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push('two of id ' + id);
	if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
	if (window.shift > .02) found.push('the layout shifts by ' + window.shift.toFixed(3) + ': ' + window.shifted.join('; '));
	if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window: ' + document.documentElement.scrollWidth);
	return found.concat(window.wrong);
})()`

// Watch begins to note what Audit asks for. It holds for the pages that are opened from now on.
func (s *Tab) Watch() {
	s.t.Helper()
	_, err := chromedp.Call(s.Ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchful})
	must(s.t, err)
}

// Audit says what is wrong with the page that is open.
func (s *Tab) Audit() []string {
	s.t.Helper()
	return Eval[[]string](s, audit)
}
