package httpkeys_test

import (
	"io"
	"log"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // the driver logs each connection that a test cuts
	os.Exit(engine.Run(m, engine.Also("mysql57")))
}
