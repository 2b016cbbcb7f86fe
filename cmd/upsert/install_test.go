package main

import (
	"archive/zip"
	"debug/buildinfo"
	"errors"
	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const (
	rootModule    = "github.com/goupsert/upsert"
	commandModule = rootModule + "/cmd/upsert"
)

// TestInstall installs the command as its users do, from a module proxy that has this repository's modules as they are. The modules
// that they need come from the module cache. The first run compiles SQLite's driver, which takes minutes.
func TestInstall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the command")
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "replace") {
		t.Fatal("go.mod has a replace, which go install refuses")
	}
	required := regexp.MustCompile(`(?m)^\t` + rootModule + ` (v\S+)$`).FindSubmatch(text)
	if required == nil {
		t.Fatal("go.mod requires no version of " + rootModule)
	}
	const version = "v0.999.0"
	proxy := t.TempDir()
	serve(t, proxy, rootModule, string(required[1]), filepath.Join("..", ".."))
	serve(t, proxy, commandModule, version, ".")

	bin := filepath.Join(t.TempDir(), "bin")
	install := exec.CommandContext(t.Context(), "go", "install", "-trimpath", commandModule+"@latest")
	install.Dir = t.TempDir()
	install.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-modcacherw", "GOSUMDB=off", "CGO_ENABLED=0", "GOBIN="+bin, "GOMODCACHE="+t.TempDir(),
		"GOPROXY="+fileURL(proxy)+","+fileURL(filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download"))+",off")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	program := filepath.Join(bin, "upsert")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "0" {
			t.Errorf("CGO_ENABLED is %s; want 0", s.Value)
		}
	}
	if info.Main.Version != version {
		t.Errorf("version %s of the module was installed; want %s", info.Main.Version, version)
	}
	db := filepath.Join(t.TempDir(), "x.db")
	for _, c := range []struct{ args, want string }{
		{"version", "upsert " + version + "\n"},
		{"import -dsn " + db + " -create -key id " + dbtest.WriteFile(t, "items.csv", "id,n\n1,a\n"), "1 inserted"},
		{"verify -dsn " + db + " -table items -key id", ": sound\n"},
	} {
		out, err := exec.CommandContext(t.Context(), program, strings.Fields(c.args)...).Output()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("upsert %s: %v, %q; want %q", c.args, err, out, c.want)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func fileURL(path string) string { return "file://" + filepath.ToSlash(path) }

// serve puts a module into the folder of a proxy.
func serve(t *testing.T, proxy, module, version, dir string) {
	t.Helper()
	to := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"list": version + "\n", version + ".info": `{"Version":"` + version + `"}`, version + ".mod": string(mod)} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(to, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := errors.Join(zipModule(z, module+"@"+version, dir), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// zipModule writes the files of a module, without the files of the modules below it.
func zipModule(z *zip.Writer, prefix, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if path != dir && (err == nil || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(path); !d.Type().IsRegular() || ext != ".go" && ext != ".sql" && d.Name() != "go.mod" {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := z.Create(prefix + "/" + filepath.ToSlash(name))
		if err != nil {
			return err
		}
		_, err = io.Copy(to, from)
		return err
	})
}
