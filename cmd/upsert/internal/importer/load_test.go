package importer

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
)

func TestAftermath(t *testing.T) {
	t.Parallel()
	const lost, nothing = "the answer of the database was lost, so rows may have been written", "nothing was written"
	partial := func(rows int64, err error) error { return &upsert.PartialError{Rows: rows, Err: err} }
	for _, c := range []struct {
		err     error
		writing bool
		want    string
	}{
		{io.ErrUnexpectedEOF, false, nothing},
		{io.ErrUnexpectedEOF, true, lost},
		{partial(100, io.ErrUnexpectedEOF), true, lost},
		{partial(100, errors.New("refused")), true, "100 rows written before stay"},
		{partial(0, errors.New("refused")), true, nothing},
		{errors.New("refused"), true, nothing},
		{context.Canceled, false, "interrupted: nothing was written"},
		{context.Canceled, true, "interrupted: rolled back, nothing was written"},
		{partial(1, context.Canceled), true, "interrupted: 1 row written before stay"},
	} {
		if got := aftermath(c.err, c.writing); !strings.HasPrefix(got, c.want) {
			t.Errorf("aftermath(%v, %t) = %q; want %q", c.err, c.writing, got, c.want)
		}
	}
}
