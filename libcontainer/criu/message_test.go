package criu

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// TestGolden compares with what protobuf's own compiler makes of the same values (protoc --encode=criu_req, of CRIU's
// rpc.proto), field by field: the order is free.
func TestGolden(t *testing.T) {
	for name, test := range map[string]struct{ got, want []byte }{
		"version":      {encode(&rpc.CriuReq{Type: new(VersionQuery)}), unhex(t, "08 0a")},
		"notification": {encode(&rpc.CriuReq{Type: new(Notify), NotifySuccess: new(true)}), unhex(t, "08 06  18 01")},
		"features": {
			encode(&rpc.CriuReq{
				Type:     new(FeatureCheck),
				Features: Features{MemoryTracking: true, LazyPages: true}.message(),
			}),
			unhex(t, "08 09  2a 04 08 01 10 01"),
		},
		"the least": {
			encoded(&Options{ImagesDir: 5, WorkDir: 300, Cgroups: CgroupUnset}),
			unhex(t, "08 05  48 04  88 01 ac 02"),
		},
		"a dump": {
			encoded(&Options{
				ImagesDir: 5, WorkDir: 6, Pid: 4711, LogFile: "d", Root: "/r", LeaveRunning: true,
				TCPSkipInFlight: true, Cgroups: CgroupSoft,
				PageServer: &PageServer{"::1", 27000}, External: []string{"mnt[/a]:b"}, EmptyNetwork: true,
				FreezeCgroup: "/f", ConfigFile: "/c",
			}),
			unhex(t, "08 05  10 e7 24  18 01  f0 02 01  48 04  52 01 64  5a 09 0a 03 3a3a31 10 f8 d2 01  6a 02 2f72 "+
				" 88 01 06  c0 01 01  90 02 03"+
				"  aa 02 09 6d6e745b2f615d3a62  b0 02 80 80 80 80 04  e2 02 02 2f66  9a 03 02 2f63"),
		},
		"a restore": {
			encoded(&Options{
				ImagesDir: 5, WorkDir: 6, RestoreSibling: true, OrphanPtsMaster: true, SkipModeCheck: true,
				Cgroups: CgroupIgnore, LSMProfile: "a:b", LSMMountContext: "m",
				CgroupRoots: []CgroupRoot{{"cpu", "/x"}}, Inherit: []Inherited{{"pipe:[1]", 2}},
				Join: []Joined{{"ipc", "/i"}}, Parent: "../p",
			}),
			unhex(t, "08 05  d0 01 01  90 03 01  90 04 01  48 04  72 04 2e2e2f70  88 01 06  ca 01 09 0a 03 637075 "+
				"12 02 2f78"+
				"  da 01 0c 0a 08 706970653a5b315d 10 02  90 02 00  ba 02 09 0a 03 697063 12 02 2f69  aa 03 03 "+
				"613a62  fa 03 01 6d"),
		},
	} {
		want := test.want
		if len(want) > 2 && want[0] == 8 && want[1] == 5 { // criu_opts: in the order of go-criu
			var o rpc.CriuOpts
			if err := o.UnmarshalVT(want); err != nil {
				t.Fatal(name, err)
			}
			want, _ = o.MarshalVT()
		}
		if string(test.got) != string(want) {
			t.Errorf("%s:\ngot  % x\nwant % x", name, test.got, test.want)
		}
	}
}

// encoded are the bytes of options.
func encoded(o *Options) []byte {
	b, err := o.message().MarshalVT()
	if err != nil {
		panic(err)
	}
	return b
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]Response{
		"08 0a 10 01 52 06 08 03 10 11 20 01":      {Kind: VersionQuery, Success: true, Version: Version{3, 17, 1}},
		"08 02 10 01 22 03 08 e7 24":               {Kind: Restore, Success: true, Pid: 4711},
		"08 06 10 01 2a 09 0a 05 68656c6c6f 10 2a": {Kind: Notify, Success: true, Script: "hello", Pid: 42},
		"08 01 10 00 38 0d 4a 02 6e6f":             {Kind: Dump, Errno: 13, Message: "no"},
		"08 09 10 01 42 04 08 01 10 01":            {Kind: FeatureCheck, Success: true, Features: Features{true, true}},
		// Of types and numbers that nobody uses.
		"08 01 10 01  c1 3e 0102030405060708  c5 3e 01020304  ca 3e 01 00": {Kind: Dump, Success: true},
	} {
		got, err := decode(unhex(t, text))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"08", "ff", "52 06 08", "52 ff ff ff ff ff ff ff ff ff 01", "01 00", "05 00", "0b",
		"00 01", "52 01 08",
	} {
		if got, err := decode(unhex(t, text)); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// FuzzDecode makes sure that no message takes rt down, whatever program goes by the name of criu.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x08\x06\x10\x01\x2a\x09\x0a\x05hello\x10\x2a"))
	f.Add([]byte("\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err == nil && len(r.Script)+len(r.Message) > len(b) {
			t.Errorf("more came out than went in: %+v", r)
		}
	})
}

func TestVersionBefore(t *testing.T) {
	for _, v := range []Version{{3, 14, 9}, {2, 99, 0}} {
		if !v.Before(3, 15) {
			t.Error(v)
		}
	}
	for _, v := range []Version{{3, 15, 0}, {3, 17, 1}, {4, 0, 0}} {
		if v.Before(3, 15) {
			t.Error(v)
		}
	}
	if s := (Version{3, 17, 1}).String() + " " + (Version{4, 1, 0}).String(); s != "3.17.1 4.1" {
		t.Error(s)
	}
}
