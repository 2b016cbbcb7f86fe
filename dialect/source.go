package dialect

// Source is where a statement's rows come from.
type Source int

const (
	// FromParams: a parameter for every value.
	FromParams Source = iota
	// FromArrays: a parameter for every column, with all its values in an array's text.
	FromArrays
	// FromStage: the staging table that StageText describes.
	FromStage
)

// Copying is how rows get into a staging table.
type Copying int

const (
	// CopyNone: not at all.
	CopyNone Copying = iota
	// CopyStdin: COPY … FROM STDIN, in PostgreSQL's text format.
	CopyStdin
	// CopyLoadData: LOAD DATA LOCAL INFILE, through a reader that the driver knows by name.
	CopyLoadData
)

// Stage describes a temporary table that holds rows on their way into another.
type Stage struct {
	Table   Table    // the table the rows are for
	Columns []Column // as in the Upsert
	Place   bool     // the table has a column with each row's place
	Reader  string   // the name of the driver's reader, for CopyLoadData
}

// StageText is the statements of a Stage. It lasts no longer than the transaction, but where a database keeps temporary
// tables beyond one, Drop must be sent whatever happened.
type StageText struct {
	Create, Load, Clear, Drop string
}

// stageName is the staging table's, which is none that anybody else would choose.
const stageName = "_upsert_stage"
