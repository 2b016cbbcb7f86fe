package routers_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }

// shop is a database and the middleware.
type shop struct {
	*testing.T
	db         *sqlx.DB
	idempotent *httpkeys.Middleware
}

func openShop(t *testing.T) *shop {
	t.Helper()
	db := engine.Get("sqlite").Open(t)
	db.MustExec("CREATE TABLE notes (text VARCHAR(40) NOT NULL)")
	store, err := keys.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	scope := func(*http.Request) (string, error) { return "ada", nil }
	return &shop{t, db, httpkeys.New(store, scope, httpkeys.Logger(slog.New(slog.DiscardHandler)))}
}

// note is what the handlers of all routers do.
func note(r *http.Request, text string) error {
	_, err := httpkeys.Tx(r.Context()).ExecContext(r.Context(), "INSERT INTO notes (text) VALUES (?)", text)
	return err
}

// send sends a request under a key.
func send(h http.Handler, path, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// behaves checks that POST /notes/x has its effect once, and that POST /fails has none.
func (s *shop) behaves(h http.Handler, failure int) {
	s.Helper()
	for n, replayed := range []string{"", "true"} {
		w := send(h, "/notes/x", "k1")
		if w.Code != 201 || strings.TrimSpace(w.Body.String()) != `{"note":"x"}` || w.Header().Get("Idempotent-Replayed") != replayed {
			s.Errorf("%d: %d %v %s; want 201, replayed %q", n, w.Code, w.Header(), w.Body, replayed)
		}
	}
	for range 2 {
		if w := send(h, "/fails", "k2"); w.Code != failure || w.Header().Get("Idempotent-Replayed") != "" {
			s.Errorf("%d %v %s; want %d, not replayed", w.Code, w.Header(), w.Body, failure)
		}
	}
	if w := send(h, "/notes/x", ""); w.Code != 400 {
		s.Errorf("without a key: %d %s; want 400", w.Code, w.Body)
	}
	var notes []string
	if err := s.db.Select(&notes, "SELECT text FROM notes"); err != nil || fmt.Sprint(notes) != "[x]" {
		s.Errorf("the notes are %v, %v; want x once", notes, err)
	}
}

func TestChi(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	r := chi.NewRouter()
	r.Use(s.idempotent.Handler)
	r.Post("/notes/{text}", func(w http.ResponseWriter, r *http.Request) {
		if err := note(r, chi.URLParam(r, "text")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"note":%q}`, chi.URLParam(r, "text"))
	})
	r.Post("/fails", func(w http.ResponseWriter, r *http.Request) {
		_ = note(r, "never")
		http.Error(w, "no", http.StatusInternalServerError)
	})
	s.behaves(r, 500)
	one := chi.NewRouter()
	one.With(s.idempotent.Handler).Post("/notes/{text}", func(_ http.ResponseWriter, r *http.Request) { _ = note(r, chi.URLParam(r, "text")) })
	if w := send(one, "/notes/y", "route"); w.Code != 200 {
		t.Errorf("one route: %d %s; want 200", w.Code, w.Body)
	}
}

// A whole gin engine goes behind the middleware.
func TestGin(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/notes/:text", func(c *gin.Context) {
		if err := note(c.Request, c.Param("text")); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		c.JSON(http.StatusCreated, gin.H{"note": c.Param("text")})
	})
	g.POST("/fails", func(c *gin.Context) {
		_ = note(c.Request, "never")
		c.AbortWithStatus(http.StatusBadGateway)
	})
	s.behaves(s.idempotent.Handler(g), 502)
}

func saveNote(c echo.Context) error {
	if err := note(c.Request(), c.Param("text")); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"note": c.Param("text")})
}

// failNote returns an error, which echo answers with 500 after the middlewares.
func failNote(c echo.Context) error { return errors.Join(note(c.Request(), "never"), errors.New("no")) }

// A whole echo engine goes behind the middleware.
func TestEcho(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	e := echo.New()
	e.POST("/notes/:text", saveNote)
	e.POST("/fails", failNote)
	s.behaves(s.idempotent.Handler(e), 500)
}

// idempotent is the middleware for single routes of echo.
func idempotent(m *httpkeys.Middleware) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			request, response := c.Request(), c.Response()
			defer func() { c.SetRequest(request); c.SetResponse(response) }()
			return m.Serve(response, request, func(w http.ResponseWriter, r *http.Request) error {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(w, c.Echo()))
				return next(c)
			})
		}
	}
}

// A single route of echo has the middleware. A handler that returns an error leaves nothing: echo writes the error's answer when
// the middleware has rolled back.
func TestEchoPerRoute(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	e := echo.New()
	e.POST("/notes/:text", saveNote, idempotent(s.idempotent))
	e.POST("/fails", failNote, idempotent(s.idempotent))
	e.POST("/free", func(c echo.Context) error { return c.NoContent(http.StatusAccepted) })
	s.behaves(e, 500)
	if w := send(e, "/free", ""); w.Code != 202 {
		t.Errorf("a route without the middleware: %d; want 202", w.Code)
	}
}
