package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
)

// hostileEvents are steps of a config whose texts try to be more than text.
func hostileEvents() []libcontainer.TraceEvent {
	const evil = "</b></td><script>document.title='OWNED'</script><img src=x " +
		"onerror=\"document.title='OWNED'\">'\"&amp;\x1b[31m"
	return []libcontainer.TraceEvent{
		{
			Step: 1, Text: `mkdirat($root, "` + evil + `", 0755)`, Origin: "mounts[0]" + evil, Sentence: evil,
			Part: evil, Result: -int64(unix.EEXIST), Start: 1000, End: 2000, Pid: 7,
		},
		{Step: 2, Text: "setsid()", Part: "names", Result: 7, Start: 2000, End: 1002000, Pid: 7},
		{Step: 3, Text: "getpid()", Part: "names", Result: 7, Start: 1003000, End: 1004000, Pid: 7},
	}
}

func TestTracePageIsOnlyText(t *testing.T) {
	page := string(appendTracePage(nil, "rt run <script>", hostileEvents()))
	for _, bad := range []string{"<script", "<img", "onerror=\"", "\x1b"} {
		if strings.Contains(strings.TrimPrefix(page, pageHead), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{
		"default-src 'none'", "3 steps in 1.003 ms", "EEXIST", "mounts[0]&lt;/b&gt;", `left:0.100%;width:99.701%`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(page, `<tr class="step">`); n != 3+3 {
		t.Errorf("%d rows, not 3 for the slowest and 3 for all", n)
	}
	if empty := string(appendTracePage(nil, "x", nil)); !strings.HasSuffix(empty, "</html>\n") {
		t.Error("a page without steps has no end")
	}
}

// TestTraceTableIsOnlyText: nothing of a config acts on the terminal, or makes another line.
func TestTraceTableIsOnlyText(t *testing.T) {
	events := hostileEvents()[:1]
	events[0].Part, events[0].Text = "names", "mkdirat()" // names of rt's, and a call as plans have it: quoted
	events[0].Origin += "\n"
	table := string(appendTraceTable(nil, events))
	if strings.ContainsRune(table, '\x1b') || strings.Count(table, "\n") != 5 || !strings.Contains(table, `\x1b[31m`) {
		t.Errorf("the table is %q", table)
	}
}

// TestTracePageInABrowser loads the page in Chromium, and examines what it has made of it.
func TestTracePageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	dir := t.TempDir()
	page := filepath.Join(dir, "t.html")
	if err := os.WriteFile(page, appendTracePage(nil, "rt run web1", hostileEvents()), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+dir+"/profile", "--virtual-time-budget=2000", "--dump-dom", "file://"+page)
	c.Env = append(os.Environ(), "HOME="+dir)
	dom, err := c.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	text := string(dom)
	if n := strings.Count(text, `<tr class="step">`); n != 6 {
		t.Errorf("the browser sees %d rows of steps: %s", n, text)
	}
	if !strings.Contains(text, "<title>rt run web1</title>") || strings.Contains(text, "<script>") ||
		strings.Contains(text, "<img") {
		t.Errorf("a text of the config became a part of the page: %s", text)
	}
}

func TestTraceTableNamesFieldAndSlowest(t *testing.T) {
	events := hostileEvents()
	events[1].Origin, events[1].Sentence = "process", "a new session"
	table := string(appendTraceTable(nil, events))
	if !strings.Contains(table, "setsid()  # process\n") {
		t.Errorf("no field: %s", table)
	}
	_, rest, ok := strings.Cut(table, "the slowest:\n")
	if line, _, _ := strings.Cut(rest, "\n"); !ok || line != "                 1.000     2  setsid: a new session" {
		t.Errorf("the slowest step is %q", line)
	}
}
