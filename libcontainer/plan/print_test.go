package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// printed is a plan with one of everything that printing treats in its own way.
func printed() *Plan {
	return &Plan{
		Program: nsenter.Program{
			Steps: []nsenter.Step{
				{
					Call: nsenter.Umask, Args: []nsenter.Arg{nsenter.Imm(0)}, Number: 1,
					Sentence: "modes are as written",
				},
				{
					Call: nsenter.Mkdirat, Args: []nsenter.Arg{
						nsenter.Val(1), nsenter.Str("a"),
						nsenter.Flags(&nsenter.Octal, 0o755),
					},
					Errnos: nsenter.ErrnosOf(unix.EEXIST), Part: 1, Number: 2, Origin: "mounts[0].destination",
					Sentence: "make the directory",
				},
				{
					Call: nsenter.Writev, Args: []nsenter.Arg{
						nsenter.Num(1), nsenter.ReportOf(0),
						nsenter.Imm(2),
					}, Part: 1, Number: 3,
					Origin: "hooks", Sync: &nsenter.SyncDetail{
						Point: SyncHooks,
						Does:  []string{"run hooks.prestart[0] /bin/a", "run hooks.prestart[1] /bin/b"},
					},
				},
				{
					Call: nsenter.Read, Args: []nsenter.Arg{nsenter.Num(1)}, Min: 1,
					Errnos: nsenter.ErrnosOf(nsenter.Short),
					Else:   5, Part: 1, Number: 4,
				},
				{Call: nsenter.Getpid, Part: 1, Number: 5, Sync: &nsenter.SyncDetail{Point: SyncCloned}},
				{Call: nsenter.Setsid, Number: 6},
			},
			Parts: []string{"names", "mounts"}, Regs: []string{
				"",
				"root",
			}, FDs: []string{"net-ns", "ctl"}, Ctl: 1, FirstFD: 3,
		},
		Files:      []File{{Kind: FileNamespace, Path: "/run/netns/x", Origin: "linux.namespaces[0].path"}},
		CloneFlags: unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		IntoCgroup: true,
		Warnings:   []string{"no such capability"},
	}
}

func TestAppendText(t *testing.T) {
	const want = `rt opens
      $net-ns = "/run/netns/x"  # linux.namespaces[0].path: the namespace to join
      $ctl                      # the control channel: reports to rt, answers from rt

rt starts the boot process
      in new namespaces: CLONE_NEWPID|CLONE_NEWNS
      into the container's cgroup: CLONE_INTO_CGROUP

names
   1  umask(0)  # modes are as written

mounts
   2  mkdirat($root, "a", 0755), ignore EEXIST  # mounts[0].destination: make the directory
   3  writev($ctl, {report}, 2)                 # hooks
      rt: run hooks.prestart[0] /bin/a
      rt: run hooks.prestart[1] /bin/b
   4  read($ctl), on 0 to 6
   5  getpid()
      rt: record it, without an answer

names
   6  setsid()
`
	p := printed()
	got := string(p.AppendText(nil, false))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	coloured := string(p.AppendText(nil, true))
	for _, colour := range []string{bold, dim, cyan, yellow} {
		if !strings.Contains(coloured, colour) {
			t.Errorf("nothing is in %q", colour)
		}
		coloured = strings.ReplaceAll(coloured, colour, "")
	}
	if strings.ReplaceAll(coloured, plain, "") != want {
		t.Error("with colours the text is another one")
	}
}

func TestAppendJSON(t *testing.T) {
	var got struct {
		CloneFlags []string
		IntoCgroup bool
		TwoStage   bool
		Warnings   []string
		Files      []struct {
			Name, Path, Origin string
			FD                 int
		}
		Steps []struct {
			Number, Then, Else             int
			Part, Call, Text, Origin, Sync string
			Sentence                       string
			On, RT                         []string
		}
	}
	text := printed().AppendJSON(nil)
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if strings.Join(got.CloneFlags, " ") != "CLONE_NEWPID CLONE_NEWNS" || !got.IntoCgroup || got.TwoStage ||
		len(got.Warnings) != 1 {
		t.Errorf("the birth is %+v", got)
	}
	if len(got.Files) != 1 || got.Files[0].FD != 3 || got.Files[0].Name != "net-ns" ||
		got.Files[0].Path != "/run/netns/x" {
		t.Errorf("the files are %+v", got.Files)
	}
	if len(got.Steps) != 6 {
		t.Fatalf("%d steps, want 6", len(got.Steps))
	}
	if s := got.Steps[1]; s.Number != 2 || s.Call != "mkdirat" || s.On[0] != "EEXIST" ||
		s.Text != `mkdirat($root, "a", 0755), ignore EEXIST` {
		t.Errorf("step 2 is %+v", s)
	}
	if s := got.Steps[2]; s.Sync != SyncHooks.String() || len(s.RT) != 2 {
		t.Errorf("step 3 is %+v", s)
	}
	if s := got.Steps[3]; s.Else != 6 || s.On[0] != "short" {
		t.Errorf("step 4 is %+v", s)
	}
	if text := (&Plan{Program: nsenter.Program{FDs: []string{"ctl"}}}).AppendJSON(nil); !json.Valid(text) {
		t.Errorf("an empty plan is %s", text)
	}
}

// Each kind of descriptor that rt passes has a sentence in the printed plan.
func TestFileSentences(t *testing.T) {
	if len(fileSentences) != int(FileBinary)+1 {
		t.Fatalf("%d sentences for %d kinds", len(fileSentences), FileBinary+1)
	}
	for kind, sentence := range fileSentences {
		if sentence == "" {
			t.Errorf("kind %d has no sentence", kind)
		}
	}
}
