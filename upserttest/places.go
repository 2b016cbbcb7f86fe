package upserttest

import "fmt"

// strikes breaks the write by the faults at every place, and runs it again.
func (c *check) strikes(faults ...fault) error {
	c.t.Helper()
	for i, p := range c.clean {
		var next *point
		if i+1 < len(c.clean) {
			next = c.clean[i+1]
		}
		for _, s := range strikesAt(p, next, faults) {
			if !c.wants(s.place()) {
				continue
			}
			err := c.inWorld(func(w *world) error {
				c.t.Helper()
				return c.breakAt(w, p, s)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// place is the strike's name in [placeEnv].
func (s strike) place() string {
	return fmt.Sprintf("%d/%s/%s", s.number, s.moment, faultWords[s.fault])
}

func (c *check) breakAt(w *world, p *point, s strike) error {
	c.t.Helper()
	place := s.place()
	report := c.newReport("not safe to repeat")
	report.add("place", fmt.Sprintf("%s of %d", s, len(c.clean)))
	report.addPoint("statement", p)
	broken, err := c.run(w, place, &s)
	switch {
	case err != nil:
		return err
	case s.struck == nil && firstDifference(c.clean, broken.points) >= 0, s.struck != nil && !s.struck.isLike(p):
		return c.refuse(c.clean, broken.points, place)
	case broken.err == nil:
		// The caller takes the write for done, so it must be, without being run again.
		report.add("broken run", "returned no error")
		if err := c.compare(w, report, place); err != nil {
			return err
		}
		report.add("then", "run again")
	default:
		report.add("broken run", "failed: "+oneLine(broken.err))
		report.add("then", "run again")
	}
	return c.runAgain(w, report, place)
}

// runAgain runs the write once more, unbroken, and compares.
func (c *check) runAgain(w *world, report *report, place string) error {
	c.t.Helper()
	again, err := c.run(w, place, nil)
	if err != nil {
		return err
	}
	if again.err != nil {
		report.add("again", "failed: "+oneLine(again.err))
		report.addPoint("statement", c.known(again.failed()))
		return c.report(report, place)
	}
	return c.compare(w, report, place)
}

// interleave plays the schedules of two runs.
func (c *check) interleave() error {
	c.t.Helper()
	var stops []*point
	for _, p := range c.clean {
		if p.kind != rollback {
			stops = append(stops, p)
		}
	}
	total := len(stops) * (len(stops) - 1)
	played := 0
	for n, i := range stops {
		last := 0 // how far B can come while A is there
		for m, j := range stops[1:] {
			place := fmt.Sprintf("switch/%d/%d", i.number, j.number)
			if last > 0 && j.number > last || !c.wants(place) || c.place == "" && !isChosen(n*(len(stops)-1)+m, total, c.o.schedules) {
				continue
			}
			played++
			err := c.inWorld(func(w *world) error {
				c.t.Helper()
				reached, err := c.playAt(w, i, j)
				if reached < j.number {
					last = reached
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	if total > c.o.schedules && c.place == "" {
		c.t.Logf("upserttest: %d of %d interleavings were left out; MaxSchedules(%d) takes all", total-c.o.schedules, total, total)
	}
	return nil
}

// isChosen spreads limit choices evenly over total.
func isChosen(n, total, limit int) bool {
	return total <= limit || (n+1)*limit/total > n*limit/total
}

func (c *check) playAt(w *world, i, j *point) (reached int, err error) {
	c.t.Helper()
	place := fmt.Sprintf("switch/%d/%d", i.number, j.number)
	if err := w.warm(2 * c.conns); err != nil {
		return 0, err
	}
	s, reached, err := w.play(c.write, i.number, j.number)
	if err != nil {
		return reached, fmt.Errorf("%w\nplace: two runs at once, %s\n%s", err, place, rerun(place, c.t.Name()))
	}
	report := c.newReport("not safe to run twice at once")
	report.add("place", "two runs at once: A runs to before its statement, B to before its own; then A ends, then B")
	report.addPoint("A stops", i)
	report.addPoint("B stops", s.b.stopped(reached, j))
	for _, x := range []*actor{s.a, s.b} {
		if err := c.reportEnd(x.run, place); err != nil {
			return reached, err
		}
		if x.run.err == nil {
			report.add("run "+x.name, "returned no error")
			continue
		}
		report.add("run "+x.name, "failed: "+oneLine(x.run.err)+"; then run again")
	}
	for _, x := range []*actor{s.a, s.b} {
		if x.run.err == nil {
			continue
		}
		if err := c.runAgain(w, report, place); err != nil {
			return reached, err
		}
	}
	if s.a.run.err != nil || s.b.run.err != nil {
		return reached, nil
	}
	return reached, c.compare(w, report, place)
}

// stopped returns the point before which B stopped, or at which it waited for A.
func (x *actor) stopped(reached int, wanted *point) *point {
	if reached > 0 && reached <= len(x.run.points) {
		return x.run.points[reached-1]
	}
	return wanted
}
