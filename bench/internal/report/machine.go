package report

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// ThisMachine is the machine that the program runs on. It leaves out what the system does not tell.
func ThisMachine() Machine {
	return Machine{
		CPU: orUnknown(after("/proc/cpuinfo", "model name", ":")), Cores: runtime.NumCPU(), Memory: orUnknown(totalMemory()),
		OS: strings.TrimSpace(strings.Trim(after("/etc/os-release", "PRETTY_NAME", "="), `"`) + " " + runtime.GOOS + "/" + runtime.GOARCH),
		Go: runtime.Version(),
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// after is what a file's first line of that name says.
func after(path, name, sep string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, sep)
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func totalMemory() string {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(after("/proc/meminfo", "MemTotal", ":"), " kB"), 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.0f GiB", kib/(1<<20))
}

// ThisBuild are the versions of the program's modules that are measured.
func ThisBuild() []Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var all []Version
	for _, m := range info.Deps {
		for _, prefix := range []string{
			"gorm.io/", "github.com/uptrace/bun", "github.com/doug-martin/goqu", "github.com/jmoiron/sqlx", "github.com/jackc/pgx",
			"github.com/lib/pq", "github.com/mattn/go-sqlite3", "github.com/go-sql-driver/mysql",
		} {
			if strings.HasPrefix(m.Path, prefix) {
				all = append(all, Version{m.Path, m.Version})
			}
		}
	}
	return all
}
