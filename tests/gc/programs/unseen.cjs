// Programs of other shapes, written after the rules were made: they judge them. See run.cjs.
'use strict';
