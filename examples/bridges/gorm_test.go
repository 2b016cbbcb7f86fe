package bridges_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/keys"
)

// Note is GORM's model.
type Note struct{ Text string }

func openGORM(s *shop, cfg gorm.Config) *gorm.DB {
	s.Helper()
	cfg.Logger = logger.Discard
	g, err := gorm.Open(sqlite.New(sqlite.Config{Conn: s.db.DB}), &cfg)
	if err != nil {
		s.Fatal(err)
	}
	return g
}

// saveBoth writes a GORM model and a row of the library in GORM's transaction.
func saveBoth(ctx context.Context, g *gorm.DB, devices *upsert.Table[Device], n *Note, d *Device) error {
	return g.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(n).Error; err != nil {
			return err
		}
		_, err := devices.Put(ctx, tx.Statement.ConnPool, d)
		return err
	})
}

func TestGORM_TransactionOfGORM(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]gorm.Config{"as it comes": {}, "with PrepareStmt": {PrepareStmt: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			g := openGORM(s, cfg)
			if err := saveBoth(t.Context(), g, s.devices, &Note{"first"}, &Device{"d1", "lamp", 1}); err != nil {
				t.Fatal(err)
			}
			s.wants(1, 1)
			pool, err := g.DB()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.devices.PutAll(t.Context(), pool, []Device{{"d1", "lamp", 2}, {"d3", "", 1}}); err != nil {
				t.Error(err)
			}
			s.wants(2, 1)
			failed := errors.New("failed")
			err = g.Transaction(func(tx *gorm.DB) error {
				return errors.Join(saveBoth(t.Context(), tx, s.devices, &Note{"second"}, &Device{"d2", "fan", 1}), failed)
			})
			if !errors.Is(err, failed) {
				t.Error(err)
			}
			s.wants(2, 1)
		})
	}
}

// onceInGORM claims a key in GORM's transaction. GORM gives the *sql.Tx unless PrepareStmt is set.
func onceInGORM(ctx context.Context, g *gorm.DB, store *keys.Store, k keys.Key, n *Note) (replayed bool, err error) {
	err = g.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		sqlTx, ok := tx.Statement.ConnPool.(*sql.Tx)
		if !ok {
			return errors.New("GORM's transaction is no *sql.Tx")
		}
		_, replayed, err = keys.Once(ctx, store, sqlTx, k, keys.Fingerprint{}, func(context.Context, *keys.Tx) (struct{}, error) {
			return struct{}{}, tx.Create(n).Error
		})
		return err
	})
	return replayed, err
}

func TestGORM_OnceInItsTransaction(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	g := openGORM(s, gorm.Config{})
	for _, want := range []bool{false, true} {
		if replayed, err := onceInGORM(t.Context(), g, s.keys, welcome, &Note{"once"}); replayed != want || err != nil {
			t.Errorf("replayed %v, %v; want %v", replayed, err, want)
		}
		s.wants(0, 1)
	}
}

// gormOn returns a session of GORM's that writes in the transaction of Run.
func gormOn(ctx context.Context, g *gorm.DB, tx *keys.Tx) *gorm.DB {
	session := g.Session(&gorm.Session{NewDB: true, Context: ctx, SkipDefaultTransaction: true})
	session.Statement.ConnPool = tx
	return session
}

func TestGORM_InsideRun(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	g := openGORM(s, gorm.Config{})
	failed := errors.New("failed")
	for _, c := range []struct {
		end      error
		replayed bool
		notes    int
	}{{failed, false, 0}, {nil, false, 1}, {nil, true, 1}} {
		_, replayed, err := keys.Run(t.Context(), s.keys, welcome, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if err := gormOn(ctx, g, tx).Create(&Note{"once"}).Error; err != nil {
				return "", err
			}
			return "noted", c.end
		})
		if replayed != c.replayed || !errors.Is(err, c.end) {
			t.Errorf("replayed %v, %v; want %v, %v", replayed, err, c.replayed, c.end)
		}
		s.wants(0, c.notes)
	}
}
